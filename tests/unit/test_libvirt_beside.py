# ruff: noqa: E402 - nothing here works without libvirt
"""What others do to VMs and volumes while a libvirt host is read, and what is theirs stays."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

libvirt = pytest.importorskip("libvirt")

from anypool.drivers.libvirt.create import Create
from anypool.drivers.libvirt.look import VmReader
from anypool.drivers.libvirt.volumes import Volumes
from anypool.errors import NotFound
from anypool.model import HostId, VmId, VmState

VM = VmId("0b9d4fd2-46a1-4c39-8d57-7c8f3b3e2a11")
H1 = HostId("h1")


def said(code: int) -> Exception:
    """libvirt's answer with a code."""
    answer: Exception = libvirt.libvirtError("no")
    answer.err = (code, 0, "no")  # type: ignore[attr-defined]
    return answer


class Snapshot:
    """One that is there, or was deleted since it was listed."""

    def __init__(self, name: str, code: int = 0) -> None:
        self.name, self.code = name, code

    def getXMLDesc(self, _: int) -> str:
        if self.code:
            raise said(self.code)
        return f"<domainsnapshot><name>{self.name}</name></domainsnapshot>"


class Domain:
    """A VM that runs, and what it was forgotten with."""

    def __init__(self, snapshots: tuple[Snapshot, ...] = (), state: int = 1, code: int = 0) -> None:
        self.snapshots, self.now, self.code = snapshots, state, code
        self.flags: list[int] = []

    def name(self) -> str:
        return "vm1"

    def UUIDString(self) -> str:
        return VM

    def XMLDesc(self, _: int) -> str:
        if self.code:
            raise said(self.code)
        return f"<domain><uuid>{VM}</uuid><name>vm1</name></domain>"

    def state(self, _: int) -> tuple[int, int]:
        return self.now, 1

    def listAllSnapshots(self, _: int) -> list[Snapshot]:
        return list(self.snapshots)

    def destroyFlags(self, _: int) -> None:
        self.now = libvirt.VIR_DOMAIN_SHUTOFF

    def undefineFlags(self, flags: int) -> None:
        self.flags.append(flags)


class Pool:
    """A directory in which another host makes things: they are seen after a refresh."""

    def __init__(self, shown: tuple[str, ...], there: tuple[str, ...]) -> None:
        self.shown, self.there = shown, there

    def refresh(self, _: int) -> None:
        self.shown = self.there

    def listVolumes(self) -> list[str]:
        return list(self.shown)

    def listAllVolumes(self, _: int) -> list[Any]:
        return [
            SimpleNamespace(name=lambda name=name: name, XMLDesc=lambda _: CLONE)
            for name in self.shown
        ]


CLONE = "<volume><backingStore><path>/pool/base.qcow2</path></backingStore></volume>"


class Session:
    """A connection that holds all the while; nothing is asked of it but the VM and the pool."""

    def __init__(self, domain: Domain, pool: Pool | None = None) -> None:
        self.domain = domain
        self.read_only = False
        self.lane = nullcontext
        self.connection = SimpleNamespace(
            isAlive=lambda: True,
            listAllDomains=lambda _: [domain],
            getAllDomainStats=lambda *_: [(domain, {"state.state": 1, "state.reason": 1})],
            storagePoolLookupByName=lambda _: pool,
        )

    @contextmanager
    def reading(self, _: str) -> Iterator[Any]:
        yield self.connection

    doing = reading

    def vm(self, vm: VmId) -> Domain:
        if self.domain.flags:
            raise NotFound(f"there is no VM {vm}")
        return self.domain


def read(domain: Domain) -> list[tuple[str, VmState, list[str]]]:
    """What a reading tells of the VM."""
    session = cast(Any, Session(domain))
    found = VmReader(session, H1, cast(Any, None), cast(Any, None)).all()
    return [(vm.id, vm.state, [one.name for one in vm.snapshots]) for vm in found]


def test_a_vm_whose_snapshot_is_deleted_meanwhile_is_there() -> None:
    gone = Snapshot("b", libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT)
    domain = Domain((Snapshot("a"), gone, Snapshot("c")))
    assert read(domain) == [(VM, VmState.RUNNING, ["a", "c"])]


def test_only_a_vm_that_is_gone_itself_is_left_out() -> None:
    assert read(Domain(code=libvirt.VIR_ERR_NO_DOMAIN)) == []
    assert read(Domain(code=libvirt.VIR_ERR_NO_STORAGE_VOL)) == [(VM, VmState.RUNNING, [])]


@pytest.mark.parametrize("how", ["discarded", "removed", "with volumes"])
def test_only_a_vm_that_goes_with_its_volumes_takes_its_nvram_along(how: str) -> None:
    domain = Domain(state=libvirt.VIR_DOMAIN_SHUTOFF)
    host = SimpleNamespace(host=H1, kind="kvm", name="h1")
    driver = Create(cast(Any, Session(domain)), cast(Any, host))
    if how == "discarded":
        driver.discard_copy(VM, H1)
    else:
        driver.delete_vm(VM, H1, how == "with volumes")
    (flags,) = domain.flags
    drops = bool(flags & libvirt.VIR_DOMAIN_UNDEFINE_NVRAM)
    keeps = bool(flags & libvirt.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)
    assert (drops, keeps) == (how == "with volumes", how != "with volumes")


def test_a_clone_that_another_host_just_made_is_seen() -> None:
    pool = Pool((), ("clone.qcow2",))
    volumes = Volumes(cast(Any, Session(Domain(), pool)), cast(Any, None))
    where = cast(Any, SimpleNamespace(id="store", name="pool"))
    assert volumes.clones_of(where, "base.qcow2") == ["clone.qcow2"]
