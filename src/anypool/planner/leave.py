"""Take away what we wrote into a platform, before its endpoint is given up."""

from collections.abc import Iterable, Iterator

from anypool.errors import Conflict
from anypool.model import EndpointId, HostId, Inventory, Trace, TraceKind, VmId
from anypool.plan import (
    EraseTrace,
    Plan,
    Reason,
    Refusal,
    Step,
    digest,
    reason,
    refuse,
    say,
)


def plan_leave(inventory: Inventory, endpoint: EndpointId, traces: Iterable[Trace]) -> Plan:
    """Return a step for each trace that can go; markers that others need are rejected.

    Raises `Conflict` if no host of the endpoint is known: nobody could do it.
    """
    hosts = sorted(host.id for host in inventory.hosts.values() if host.endpoint == endpoint)
    if not hosts:
        raise refuse(Conflict, reason("leave.no-host", endpoint=endpoint))
    steps: list[Step] = []
    rejected: list[Refusal] = []
    for trace in traces:
        host = _host_of(inventory, trace, hosts)
        others = tuple(_others(inventory, trace, endpoint))
        if others:
            why = reason("leave.shared", datastore=trace.place, endpoints=others)
            rejected.append(Refusal(vm=VmId(trace.place), host=host, why=why))
        else:
            action = EraseTrace(host=host, trace=trace)
            steps.append(Step(number=len(steps) + 1, action=action, why=_why(trace)))
    aim = reason("aim.leave", endpoint=endpoint)
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps),
        rejected=tuple(rejected),
        based_on=digest(inventory),
    )


def _host_of(inventory: Inventory, trace: Trace, hosts: list[HostId]) -> HostId:
    """Return the host through which a trace is reached: that of its VM, or any of the endpoint."""
    vm = None if trace.vm is None else inventory.vms.get(trace.vm)
    if vm is not None and vm.host in hosts:
        return vm.host
    for host in hosts:
        if trace.datastore in inventory.hosts[host].datastores:
            return host
    return hosts[0]


def _others(inventory: Inventory, trace: Trace, endpoint: EndpointId) -> Iterator[str]:
    """Yield the other endpoints that know a datastore by this marker."""
    store = None if trace.datastore is None else inventory.datastores.get(trace.datastore)
    if trace.kind is TraceKind.MARKER and store is not None:
        yield from sorted(store.endpoints - {endpoint})


def _why(trace: Trace) -> Reason:
    return {
        TraceKind.MARKER: reason("leave.marker"),
        TraceKind.MAKING: reason("leave.making"),
        TraceKind.VM: reason("leave.vm"),
        TraceKind.SNAPSHOT: reason("leave.snapshot"),
        TraceKind.TOKEN: reason("leave.token"),
    }[trace.kind]
