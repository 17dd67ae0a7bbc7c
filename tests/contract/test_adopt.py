"""A VM is defined anew with the volumes it has, and started; nothing is made, nothing twice."""

import pytest
from msgspec.structs import replace

from anypool.errors import Conflict, NotFound, Rejected
from anypool.model import Capability, HostId, PowerOff, VmState
from tests.contract.harness import Harness, tag_of

ADOPT = Capability.VM_ADOPT
PROOF = PowerOff(host=HostId("some-dead-host"), first_at=1.0, at=9.0)


@pytest.mark.needs(ADOPT)
def test_adopting_defines_and_starts_with_the_volumes_that_are_there(harness: Harness) -> None:
    wish = harness.wish(disks=2, nics=1)
    driver, host = harness.driver, harness.host
    driver.create_vm(wish, host.id, tag_of(wish))
    before, volumes = harness.look(wish.id), harness.volumes()
    driver.discard_copy(wish.id, host.id)  # as on another host than its own
    harness.discarded.add(wish.id)
    assert harness.gone(wish.id)
    for _ in range(2):
        driver.adopt_vm(wish, host.id, "run-1/1", PROOF)
        there = harness.look(wish.id)
        assert there.state is VmState.RUNNING
        assert there.made_by == "run-1/1"
        assert (there.disks, there.nics) == (before.disks, before.nics)
        assert harness.volumes() == volumes
    driver.power_off_vm(wish.id, host.id)
    driver.adopt_vm(wish, host.id, "run-1/1", PROOF)
    assert harness.look(wish.id).state is VmState.RUNNING
    driver.power_off_vm(wish.id, host.id)


@pytest.mark.needs(ADOPT)
def test_vm_whose_volume_is_missing_is_not_adopted(harness: Harness) -> None:
    wish = harness.wish(disks=1, nics=0)
    volumes = harness.volumes()
    with pytest.raises((Rejected, NotFound)):
        harness.driver.adopt_vm(wish, harness.host.id, "run-1/1", PROOF)
    assert harness.gone(wish.id)
    assert harness.volumes() == volumes


@pytest.mark.needs(ADOPT)
def test_name_that_is_taken_is_not_adopted(harness: Harness) -> None:
    old = harness.create()
    wish = replace(harness.wish(disks=0, nics=0), name=old.name)
    with pytest.raises((Conflict, Rejected)):
        harness.driver.adopt_vm(wish, harness.host.id, "run-1/1", PROOF)
    assert harness.gone(wish.id)
