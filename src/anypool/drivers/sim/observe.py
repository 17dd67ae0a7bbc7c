"""What an endpoint of the simulated world shows of it."""

from typing import NamedTuple

from msgspec.structs import replace

from anypool.drivers.sim import rhythm, servers
from anypool.drivers.sim.content import stamp_of
from anypool.drivers.sim.records import SimCopy, SimGuest, SimHost
from anypool.drivers.sim.state import State
from anypool.model import (
    AgentReading,
    AgentState,
    EndpointId,
    Frame,
    Host,
    HostId,
    HostState,
    Load,
    StateReason,
    Vm,
    VmCopy,
    VmId,
    VmState,
)

_RANK = {
    VmState.RUNNING: 0,
    VmState.PAUSED: 1,
    VmState.SUSPENDED: 2,
    VmState.UNKNOWN: 4,
    VmState.CRASHED: 5,
    VmState.STOPPED: 6,
}


class View(NamedTuple):
    """An endpoint of the world: its id and pool, the hosts it speaks for, and for servers too?"""

    endpoint: EndpointId
    pool: str
    hosts: frozenset[HostId]
    servers: bool = False


def full_frame(state: State, view: View) -> Frame:
    """Return everything that an endpoint knows."""
    hosts = view.hosts
    seen_by = frozenset({view.endpoint})
    datastores = {key for host in hosts for key in state.host(host).host.datastores}
    networks = {key for host in hosts for key in state.host(host).host.networks}
    vms = {vm for host in hosts for vm in state.vms_on(host)}
    return Frame(
        full=True,
        hosts=tuple(shown_host(state, host, view) for host in sorted(hosts)),
        vms=tuple(shown_vm(state, vm, hosts) for vm in sorted(vms)),
        datastores=tuple(
            replace(state.datastores.rows[key].datastore, endpoints=seen_by)
            for key in sorted(datastores)
        ),
        volumes=tuple(
            replace(row.volume, stamp=stamp) if (stamp := stamp_of(row)) else row.volume
            for row in state.volumes.rows.values()
            if row.volume.datastore in datastores
        ),
        networks=tuple(
            replace(state.networks.rows[key], endpoints=seen_by) for key in sorted(networks)
        ),
        servers=servers.shown(state, view.endpoint, view.pool) if view.servers else (),
    )


def partial_frame(state: State, vms: tuple[VmId, ...], hosts: frozenset[HostId]) -> Frame:
    """Return what the endpoint of `hosts` knows of some VMs."""
    there = [vm for vm in vms if any(host in hosts for host in state.hosts_of(vm))]
    return Frame(
        full=False,
        vms=tuple(shown_vm(state, vm, hosts) for vm in there),
        missing=tuple(vm for vm in vms if vm not in there),
    )


def shown_host(state: State, host: HostId, view: View) -> Host:
    """Return a host as its endpoint reports it; UNKNOWN while it does not answer."""
    row = state.host(host)
    return replace(
        row.host,
        endpoint=view.endpoint,
        pool=view.pool,
        platform="sim",
        state=_state(row),
    )


def _state(row: SimHost) -> HostState:
    if row.answers:
        return HostState.UP
    return HostState.UNKNOWN if row.powered else HostState.OFF


def shown_vm(state: State, vm: VmId, hosts: frozenset[HostId]) -> Vm:
    """Return one VM of several copies: the one that runs, the others beside it."""
    copies = [_shown(state, host, vm) for host in state.hosts_of(vm) if host in hosts]
    if len(copies) == 1:
        return copies[0]
    main, *others = sorted(copies, key=_rank)
    beside = (VmCopy(host=c.host, state=c.state, reason=c.reason) for c in others if c.host)
    return replace(main, copies=tuple(beside))


def loads(state: State, hosts: frozenset[HostId]) -> tuple[Load, ...]:
    """Return the counters of the hosts that answer and of what runs on them."""
    found: list[Load] = []
    for host in sorted(hosts):
        row = state.host(host)
        if not row.answers:
            continue
        running = [(vm, state.copy(host, vm)) for vm in state.vms_on(host)]
        vms = [_load(state, vm, copy) for vm, copy in running if copy and copy.started_at]
        used = sum(load.memory_used_mib for load in vms)
        busy = state.host_busy_ns(host, sum(_rate(state, vm, c) for vm, c in running if c))
        found.append(Load(host=host, cpu_ns=busy, memory_used_mib=used + 512))
        found.extend(vms)
    return tuple(found)


def _load(state: State, vm: VmId, copy: SimCopy) -> Load:
    guest = state.guests.get(vm) or SimGuest(busy_percent=0)
    until = min(state.now, guest.hung_at or state.now)
    busy_ns = rhythm.used_ns(guest, copy.vm.vcpus, copy.started_at, until)
    return Load(
        vm=vm,
        cpu_ns=busy_ns,
        memory_used_mib=copy.vm.memory_mib * guest.memory_percent // 100,
        disk_read_bytes=busy_ns // 100,
        disk_written_bytes=busy_ns // 200,
        net_received_bytes=busy_ns // 400,
        net_sent_bytes=busy_ns // 800,
    )


def agents(
    state: State, vms: tuple[VmId, ...], hosts: frozenset[HostId]
) -> tuple[AgentReading, ...]:
    """Return what the agents in some VMs say that run on hosts which answer."""
    found: list[AgentReading] = []
    for vm in vms:
        guest = state.guests.get(vm) or SimGuest()
        for host in state.running(vm):
            if host in hosts and state.host(host).answers:
                said = AgentState.SILENT if guest.hung_at else guest.agent
                found.append(AgentReading(vm=vm, state=said))
    return tuple(found)


def _rate(state: State, vm: VmId, copy: SimCopy) -> float:
    """Return the nanoseconds of CPU that a copy uses in a second."""
    guest = state.guests.get(vm)
    if guest is None or not copy.started_at or guest.hung_at:
        return 0.0
    return rhythm.rate_ns(guest, copy.vm.vcpus, state.now)


def _shown(state: State, host: HostId, vm: VmId) -> Vm:
    copy = state.copies.rows[f"{host}/{vm}"]
    row = state.host(host)
    if row.answers or not row.powered:
        return copy.vm
    return replace(copy.vm, state=VmState.UNKNOWN, reason=StateReason.NONE)


def _rank(vm: Vm) -> tuple[int, HostId]:
    incoming = 3 if vm.reason is StateReason.INCOMING else 0
    return (_RANK[vm.state] + incoming, vm.host or HostId(""))
