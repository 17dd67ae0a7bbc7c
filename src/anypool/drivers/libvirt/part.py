"""What every group of operations stands on: the connection, the host, its pools, its VMs."""

from collections.abc import Callable, Iterable
from functools import cached_property, wraps
from typing import Concatenate, ParamSpec, TypeVar

import libvirt

from anypool.drivers.base import OPERATIONS, BaseDriver
from anypool.drivers.libvirt import metadata, platform, states, trouble, xml_read
from anypool.drivers.libvirt.connect import Session
from anypool.drivers.libvirt.look import VmReader
from anypool.drivers.libvirt.pools import Pools
from anypool.drivers.libvirt.volumes import Volumes
from anypool.drivers.waiting import wait_until
from anypool.errors import NotFound, OutcomeUnknown, Rejected
from anypool.model import HostId, Nic, VmId, VmState, VmWish

SETTLE_S = 10.0

P = ParamSpec("P")
R = TypeVar("R")
Self = TypeVar("Self", bound="Part")


class Part(BaseDriver):
    """A driver of one libvirt host; a subclass declares exactly what it overrides."""

    name = "libvirt"

    def __init_subclass__(cls) -> None:
        """Read the capabilities off the operations that are there."""
        cls.capabilities = frozenset(
            capability
            for operation, capability in OPERATIONS.items()
            if getattr(cls, operation) is not getattr(BaseDriver, operation)
        )

    def __init__(self, session: Session, host: platform.Platform) -> None:
        self.session = session
        self.platform = host
        self.pools = Pools(session, host.host)
        self.volumes = Volumes(session, self.pools)

    def close(self) -> None:
        """Give the connection back."""
        self.session.close()

    def claim(self, site: str, epoch: int) -> None:
        """Write an epoch into the host's token, where it keeps one."""
        with self.session.reading("write the host's token") as connection:
            self.session.token.claim(connection, site, epoch)

    @cached_property
    def reader(self) -> VmReader:
        """Reads VMs."""
        return VmReader(self.session, self.platform.host, self.pools, self.volumes)

    def find(self, vm: VmId, host: HostId) -> libvirt.virDomain:
        """Find a VM on the one host of this endpoint; raise `NotFound`."""
        self.check_host(host)
        return self.session.vm(vm)

    def check_host(self, host: HostId) -> None:
        """Raise `NotFound` unless `host` is the one behind this endpoint."""
        if host != self.platform.host:
            raise NotFound(
                f"{self.session.endpoint.uri} is host {self.platform.host}, not {host}",
                hint="was the endpoint's address given to another machine?",
            )

    def check_networks(self, nics: Iterable[Nic]) -> None:
        """Raise `Rejected` unless the host has the networks of these adapters."""
        wanted = {nic.network for nic in nics if nic.network}
        if not wanted:
            return
        with self.session.reading("read the networks") as connection:
            there = {network.name() for network in connection.listAllNetworks(0)}
        if missing := sorted(wanted - there):
            raise Rejected(
                f"host {self.platform.name} has no network {', '.join(missing)}",
                hint="define it in libvirt on that host, or choose another network",
            )

    def maker_of(self, wish: VmWish) -> str | None:
        """Return the step that made a VM, "" for one that is not ours, None if it is not here."""
        with self.session.reading(f"look for VM {wish.name}") as connection:
            try:
                domain = connection.lookupByUUIDString(wish.id)
            except libvirt.libvirtError as problem:
                if not trouble.is_gone(problem):
                    raise
                return None
            return metadata.made_by(xml_read.parse(domain.XMLDesc(0)))

    def state(self, domain: libvirt.virDomain) -> VmState:
        """Ask for a VM's state now."""
        with self.session.reading(f"read the state of VM {domain.name()}"):
            return states.state_of(*domain.state(0))

    def wait_for(self, seen: Callable[[], bool], what: str, timeout_s: float = SETTLE_S) -> None:
        """Return once `seen` is true; raise `OutcomeUnknown` after `timeout_s`."""
        if not wait_until(seen, timeout_s):
            raise OutcomeUnknown(f"{what}: not seen to happen in {timeout_s:g} s", hint="look")


def long(
    operation: Callable[Concatenate[Self, P], R],
) -> Callable[Concatenate[Self, P], R]:
    """Mark an operation that may take long: it does not keep others of its endpoint waiting."""

    @wraps(operation)
    def on_a_lane(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.session.lane():
            return operation(self, *args, **kwargs)

    return on_a_lane
