"""The power of simulated hosts: switched through their endpoint, or by a BMC that has moods."""

import threading
from collections.abc import Callable

from anypool.drivers.base import BaseDriver
from anypool.drivers.sim.records import BmcMood, Fault, FaultKind, SimHost
from anypool.drivers.sim.state import State
from anypool.drivers.sim.world import World
from anypool.errors import OutcomeUnknown, Unreachable
from anypool.model import HostId, Power, PowerReading, Reach, StorageLease, VmId

LATE_S = 20.0
"""A BMC that answers late takes so long."""


class Switching(BaseDriver):
    """The operations on the power of hosts."""

    _world: World
    _only: frozenset[HostId] | None

    def power(self, host: HostId) -> PowerReading:
        """Return whether a host has power, whatever it says itself."""
        row = self._switch(host)
        if row.bmc is BmcMood.LATE:
            self._world.clock.wait(threading.Event(), LATE_S)
        if row.bmc is BmcMood.LIES or (row.bmc is BmcMood.GLITCH and self._world.glitch(host)):
            return PowerReading(power=Power.OFF)
        return PowerReading(power=Power.ON if row.powered else Power.OFF)

    def reaches(self, host: HostId, address: str, port: int) -> Reach:
        """Return whether a host hears the one whose name is the address."""
        with self._world.turn() as state:
            if host not in self._hosts(state) or not state.host(host).answers:
                raise Unreachable(f"{host} does not answer")
            names = {row.host.peer_address: key for key, row in state.hosts.rows.items()}
        found = names.get(address)
        if found is None or not (self._world.hears(host) and self._world.hears(HostId(found))):
            return Reach.SILENT
        return Reach.ANSWERS

    def leases(self, host: HostId, of: tuple[HostId, ...]) -> tuple[StorageLease, ...]:
        """Return the leases of hosts with a warden, if the one that is asked reaches storage."""
        with self._world.turn() as state:
            if host not in self._hosts(state) or not state.host(host).answers:
                raise Unreachable(f"{host} does not answer")
            wardens = self._world.wardens
            one = wardens.known.get(host)
            if one is not None and not one.stored:
                return ()
            return wardens.leases(state, of or tuple(wardens.known))

    def force_off_host(self, host: HostId) -> None:
        """Switch a host off, whatever runs there."""
        self._switched("force_off_host", host, self._world.fence_host)

    def power_off_host(self, host: HostId) -> None:
        """Switch a host off, whatever runs there."""
        self._switched("power_off_host", host, self._world.switch_host_off)

    def power_on_host(self, host: HostId) -> None:
        """Switch a host on; it is up at once."""
        self._switched("power_on_host", host, self._world.boot_host)

    def _switched(self, operation: str, host: HostId, deed: Callable[[HostId], None]) -> None:
        """Do a deed on the power of a host, which needs no answer from the host itself."""
        fault = self._before(operation, None, None)
        if self._switch(host).bmc is not BmcMood.STUCK:
            deed(host)
        if fault is not None and fault.kind is FaultKind.LOST_ANSWER:
            raise OutcomeUnknown("simulated: the answer was lost")

    def _switch(self, host: HostId) -> SimHost:
        with self._world.turn() as state:
            if host not in self._hosts(state):
                raise Unreachable(f"{host} is not behind this endpoint")
            row = state.host(host)
        if row.bmc is BmcMood.DEAD:
            raise Unreachable(f"the BMC of {row.host.name} does not answer")
        return row

    @property
    def _has_servers(self) -> bool:
        """Whether this endpoint answers for the physical servers: alone, or for all hosts."""
        return not self._only

    def _watched(self) -> frozenset[HostId] | None:
        """Return whose changes this endpoint tells of, None for all."""
        if self._only or self._only is None:
            return self._only
        with self._world.turn() as state:
            return frozenset(HostId(key) for key in state.servers.rows)

    def _hosts(self, state: State) -> frozenset[HostId]:
        raise NotImplementedError

    def _before(self, operation: str, vm: VmId | None, host: HostId | None) -> Fault | None:
        raise NotImplementedError
