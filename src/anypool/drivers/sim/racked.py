"""The physical servers of the simulated world: power, identities, and who saw an address twice."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from anypool.drivers.sim.records import BmcMood, DoubleAddress, Fault, FaultKind, SimServer
from anypool.drivers.sim.state import State
from anypool.drivers.sim.switching import Switching
from anypool.drivers.sim.usage import note_server
from anypool.drivers.sim.world import World
from anypool.errors import OutcomeUnknown, Rejected, Unreachable
from anypool.model import (
    AdapterKind,
    BootOrder,
    HostId,
    Port,
    Power,
    PowerReading,
    ProfileId,
    Server,
    ServerId,
)
from anypool.model.profile import Identity, Means, mark_of


class Racked(Switching):
    """The operations on servers that run no VMs; all others are those of hosts."""

    def power(self, host: HostId) -> PowerReading:
        """Return whether a host or server has power."""
        row = self._server(host)
        if row is None:
            return super().power(host)
        if row.bmc is BmcMood.GLITCH:
            set_server(self._world, host, bmc=BmcMood.WORKS)
        on = row.powered and row.bmc not in (BmcMood.LIES, BmcMood.GLITCH)
        return PowerReading(power=Power.ON if on else Power.OFF)

    def power_on_host(self, host: HostId) -> None:
        """Switch a host or server on."""
        if self._server(host) is None:
            super().power_on_host(host)
        else:
            self._turned("power_on_host", host, _on)

    def power_off_host(self, host: HostId) -> None:
        """Switch a host or server off."""
        if self._server(host) is None:
            super().power_off_host(host)
        else:
            self._turned("power_off_host", host, _off)

    def force_off_host(self, host: HostId) -> None:
        """Switch a host or server off at once."""
        if self._server(host) is None:
            super().force_off_host(host)
        else:
            self._turned("force_off_host", host, _off)

    def set_boot(self, host: HostId, order: BootOrder) -> None:
        """Have a server boot from elsewhere once."""
        if self._server(host) is None:
            self._refuse("set_boot")
        self._server_deed("set_boot", host, lambda _, row: replace(row, boot=order.target))

    def apply_identity(self, server: ServerId, identity: Identity) -> None:
        """Write an identity into a server that is off."""

        def write(_: State, row: SimServer) -> SimServer:
            mine = row.server
            held = {mine.bears, mine.entered} - {"", identity.mark}
            if row.powered or held:
                what = "it is on" if row.powered else f"it bears {held.pop()}"
                raise Rejected(f"{mine.name} takes no identity: {what}")
            row = replace(row, hosting=identity.hypervisor)
            if identity.means is Means.NETBOOT:
                return replace(row, server=replace(mine, entered=identity.mark))
            return replace(row, server=_written(replace(mine, bears=identity.mark), identity))

        self._identity_deed("apply_identity", server, write)

    def withdraw_identity(self, server: ServerId, profile: ProfileId) -> None:
        """Give a server that is off its own addresses back."""

        def write(_: State, row: SimServer) -> SimServer:
            mine = row.server
            held = mine.bears or mine.entered
            if row.powered:
                raise Rejected(f"{mine.name} keeps its addresses: it is on")
            if held and not held.startswith(mark_of(profile, 0)[:-1]):
                raise Rejected(f"{mine.name} bears {held}")
            return replace(row, server=_bare(mine), hosting=False)

        self._identity_deed("withdraw_identity", server, write)

    def _identity_deed(
        self, operation: str, server: ServerId, how: Callable[[State, SimServer], SimServer]
    ) -> None:
        if self._server(server) is None:
            self._refuse(operation)
        self._server_deed(operation, server, how)

    def _server_deed(
        self, operation: str, host: HostId, how: Callable[[State, SimServer], SimServer]
    ) -> None:
        """Change a server, whose BMC must answer; a stuck one takes the order and does nothing."""
        fault = self._before(operation, None, None)
        with self._world.turn() as state:
            row = state.servers.rows[host]
            new = how(state, row)
            if row.bmc is not BmcMood.STUCK:
                state.servers.put(host, new)
        _lost(fault)

    def _turned(
        self, operation: str, host: HostId, how: Callable[[State, SimServer], SimServer]
    ) -> None:
        """Switch a server, and the host that it is with it, also where the answer is lost."""
        with self._world.turn() as state:
            before = state.servers.rows[host].powered
        try:
            self._server_deed(operation, host, how)
        finally:
            self._follow(host, before=before)

    def _follow(self, host: HostId, *, before: bool) -> None:
        """Let the host that a server is go off and on with it.

        As another one it runs no VMs, unless that boots a hypervisor.
        """
        with self._world.turn() as state:
            row, is_host = state.servers.rows[host], host in state.hosts.rows
        if row.powered is before:
            return
        if is_host and not row.powered:
            self._world.fence_host(host)
        elif is_host and (row.hosting or not (row.server.bears or row.server.entered)):
            self._world.boot_host(host)

    def _server(self, host: HostId) -> SimServer | None:
        """Return a server of this endpoint, None for a host; raise `Unreachable` for a dead BMC."""
        with self._world.turn() as state:
            row = state.servers.get(host) if self._has_servers else None
        if row is not None and row.bmc is BmcMood.DEAD:
            raise Unreachable(f"the BMC of {row.server.name} does not answer")
        return row


def set_server(world: World, server: HostId, **changes: Any) -> None:
    """Change the fate of a physical server: its power, the mood of its BMC."""
    with world.turn() as state:
        state.servers.put(server, replace(state.servers.rows[server], **changes))


def double_addresses(world: World) -> tuple[DoubleAddress, ...]:
    """Return every moment at which two servers, or one and a VM, were on with one address."""
    with world.turn() as state:
        return tuple(state.double_addresses.rows.values())


def _lost(fault: Fault | None) -> None:
    if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
        raise OutcomeUnknown("simulated: the answer was lost")


def _off(_: State, row: SimServer) -> SimServer:
    return replace(row, powered=False)


def _on(state: State, row: SimServer) -> SimServer:
    """Switch a server on; the oracle looks whether somebody else uses one of its addresses."""
    note_server(state, row)
    return replace(row, powered=True, boot="", booted=row.boot or "disk")


def _written(server: Server, identity: Identity) -> Server:
    left = {kind: [one for one in identity.ports if one.kind is kind] for kind in AdapterKind}

    def port(kind: AdapterKind, old: Port) -> Port:
        if not left[kind]:
            return old
        new = left[kind].pop(0)
        return replace(old, address=new.address, node=new.node or old.node)

    adapters = tuple(
        replace(one, ports=tuple(port(one.kind, old) for old in one.ports))
        for one in server.adapters
    )
    return replace(server, adapters=adapters)


def _bare(server: Server) -> Server:
    adapters = tuple(
        replace(one, ports=tuple(replace(old, address=old.permanent) for old in one.ports))
        for one in server.adapters
    )
    return replace(server, adapters=adapters, bears="", entered="")
