"""Masters of VMs: their digests, what VMs remember of them, and that nobody writes to them."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict
from anypool.model import (
    Capability,
    Digest,
    DigestOrder,
    ImageId,
    JobState,
    Origin,
    Trace,
    TraceKind,
    Vm,
    VmState,
    VmWish,
    Volume,
)
from tests.contract.harness import Harness, tag_of

CREATE, POWER = Capability.VM_CREATE, Capability.VM_POWER
DIGEST, SNAPSHOT, TRACES = Capability.DIGEST, Capability.SNAPSHOT, Capability.TRACES
ORIGIN = Origin(image=ImageId("web"), version=3, digest="sha256:" + "a" * 64)


def read(harness: Harness, volume: str, job: str) -> Digest:
    """The digest of a volume, asked for until it is there or cannot be."""
    order = DigestOrder(datastore=harness.datastore, volume=volume, job=job)
    seen: list[Digest] = []

    def over() -> bool:
        seen.append(harness.driver.digest(order, 1.0))
        return seen[-1].state is not JobState.RUNNING

    harness.settle(over, f"{volume} is read")
    return seen[-1]


def volume(harness: Harness, name: str) -> Volume:
    return next(one for one in harness.driver.observe().volumes if one.name == name)


def clone(harness: Harness, base: Vm) -> VmWish:
    """A VM whose disk is a linked clone of the disk of another."""
    wish = harness.wish()
    disk = replace(wish.disks[0], base=base.disks[0].volume, size_bytes=base.disks[0].size_bytes)
    return replace(wish, disks=(disk,), origin=ORIGIN)


@pytest.mark.needs(CREATE, DIGEST)
def test_a_digest_is_told_with_the_stamp_that_is_observed(harness: Harness) -> None:
    master = harness.create().disks[0].volume
    answer = read(harness, master, "j1")
    assert answer.state is JobState.DONE, answer
    assert answer.digest.startswith("sha256:")
    assert len(answer.digest) == 71
    assert answer.stamp == volume(harness, master).stamp != ""
    assert read(harness, master, "j2") == answer
    assert harness.again().digest(
        DigestOrder(datastore=harness.datastore, volume=master, job="j"), 20.0
    ) in (answer, Digest(state=JobState.RUNNING))


@pytest.mark.needs(CREATE, DIGEST)
def test_a_volume_that_is_not_there_has_no_digest(harness: Harness) -> None:
    answer = read(harness, "there-is-no-such.qcow2", "j1")
    assert answer.state is JobState.FAILED
    assert "there-is-no-such.qcow2" in answer.message


@pytest.mark.needs(CREATE)
def test_a_vm_remembers_what_it_was_made_from(harness: Harness) -> None:
    wish = replace(harness.wish(), origin=ORIGIN)
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    assert harness.look(wish.id).origin == ORIGIN
    unknown = replace(harness.wish(), origin=replace(ORIGIN, digest=""))
    harness.driver.create_vm(unknown, harness.host.id, tag_of(unknown))
    assert harness.look(unknown.id).origin == unknown.origin
    assert harness.create().origin is None


@pytest.mark.needs(CREATE, POWER)
def test_it_remembers_through_changes(harness: Harness) -> None:
    wish = replace(harness.wish(), origin=ORIGIN)
    harness.driver.create_vm(wish, harness.host.id, tag_of(wish))
    harness.driver.start_vm(wish.id, harness.host.id)
    assert harness.look(wish.id).origin == ORIGIN
    harness.driver.power_off_vm(wish.id, harness.host.id)
    if Capability.VM_RENAME in harness.host.capabilities:
        harness.driver.rename_vm(wish.id, harness.host.id, f"{wish.name}b")
    assert harness.look(wish.id).origin == ORIGIN


@pytest.mark.needs(CREATE, TRACES)
def test_what_a_vm_remembers_is_a_trace(harness: Harness) -> None:
    wish = replace(harness.wish(), origin=ORIGIN)
    harness.driver.create_vm(wish, harness.host.id, "")
    assert wish.id in {trace.vm for trace in harness.driver.traces()}
    harness.driver.erase_trace(Trace(kind=TraceKind.VM, name=wish.name, vm=wish.id))
    assert harness.look(wish.id).origin is None


@pytest.mark.needs(CREATE, POWER, DIGEST, SNAPSHOT, Capability.VM_RECONFIGURE)
def test_nothing_that_is_done_to_a_clone_changes_its_base(harness: Harness) -> None:
    base = harness.create()
    name, host = base.disks[0].volume, harness.host.id
    before = read(harness, name, "before")
    wish = clone(harness, base)
    for _ in range(2):
        harness.driver.create_vm(wish, host, tag_of(wish))
    harness.driver.start_vm(wish.id, host)
    harness.driver.create_snapshot(wish.id, host, "s1", "t")
    harness.driver.power_off_vm(wish.id, host)
    harness.driver.revert_snapshot(wish.id, host, "s1")
    if harness.look(wish.id).state is not VmState.STOPPED:
        harness.driver.power_off_vm(wish.id, host)
    harness.driver.delete_snapshot(wish.id, host, "s1")
    with pytest.raises(Conflict):
        harness.driver.delete_volume(harness.datastore, name)
    harness.driver.delete_vm(base.id, host, True)
    assert name in harness.volumes(), "its VM is gone, and another stands on it"
    harness.driver.delete_vm(wish.id, host, True)
    assert wish.disks[0].volume not in harness.volumes()
    after = read(harness, name, "after")
    assert (after.digest, after.stamp) == (before.digest, before.stamp)
    harness.driver.delete_volume(harness.datastore, name)
    assert name not in harness.volumes()
