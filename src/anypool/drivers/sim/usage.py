"""Who uses which address in the simulated world: servers that are on, and VMs that run."""

from collections.abc import Iterator

from anypool.drivers.sim.records import DoubleAddress, SimServer
from anypool.drivers.sim.state import State
from anypool.model import Vm


def addresses(row: SimServer) -> set[str]:
    """Return what a server is known by while it is on: addresses, or what it boots as."""
    found = {port.address for port in row.server.ports}
    return found | ({row.server.entered} if row.server.entered else set())


def note_server(state: State, row: SimServer) -> None:
    """Keep that somebody else uses an address of a server that is switched on, if so."""
    mine = addresses(row)
    for other in state.servers.rows.values():
        if other.powered and other.server.id != row.server.id:
            _note(state, (row.server.name, other.server.name), mine & addresses(other))
    for name, macs in _running(state):
        _note(state, (row.server.name, name), mine & macs)


def note_vm(state: State, vm: Vm) -> None:
    """Keep that a server that is on uses an address of a VM that starts, if so."""
    mine = {nic.mac for nic in vm.nics}
    for row in state.servers.rows.values():
        if row.powered:
            _note(state, (vm.name, row.server.name), mine & addresses(row))


def _running(state: State) -> Iterator[tuple[str, set[str]]]:
    for vm in state.all_vms() if state.servers.rows else ():
        for host in state.running(vm):
            copy = state.copy(host, vm)
            if copy is not None:
                yield copy.vm.name, {nic.mac for nic in copy.vm.nics}


def _note(state: State, who: tuple[str, str], both: set[str]) -> None:
    if both:
        seen = DoubleAddress(address=min(both), servers=who, at=state.now)
        state.double_addresses.put(str(len(state.double_addresses.rows)), seen)
