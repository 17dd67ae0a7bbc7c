"""Closing a host for VMs and opening it again: a fact of ours, and the platform's own mode."""

from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Wait
from anypool.engine.runs.sight import Sight
from anypool.model import HOLDS_MEMORY, Capability, Host
from anypool.plan import EnterMaintenance, LeaveMaintenance, reason


def of_maintenance(
    action: EnterMaintenance | LeaveMaintenance, sight: Sight, *, acked: bool
) -> Decision:
    """Return what to do about the maintenance of a host.

    Where the platform has a maintenance mode of its own and we may use it, the host enters it
    when it is empty, and leaves it when we open the host.
    """
    host = sight.inventory.hosts.get(action.host)
    if host is None:
        return Fail(reason("run.host-gone"))
    if isinstance(action, LeaveMaintenance):
        return _platform(host, sight, wanted=False, acked=acked)
    if not sight.answered:
        return Wait(reason("run.no-answer"))
    busy = [seen.vm.name for seen in sight.seen if seen.vm and seen.state in HOLDS_MEMORY]
    if busy:
        why = reason("run.still-there", count=len(busy), vms=tuple(busy[:3]))
        return Fail(why, 1.0)
    return _platform(host, sight, wanted=True, acked=acked)


def _platform(host: Host, sight: Sight, *, wanted: bool, acked: bool) -> Decision:
    if Capability.HOST_MAINTENANCE not in host.capabilities or host.set_aside is wanted:
        return Done()
    if acked or not sight.answered:
        return Wait(reason("run.no-answer"))
    return Act(Deed.PERFORM, None)
