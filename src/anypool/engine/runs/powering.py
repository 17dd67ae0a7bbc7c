"""Switching a host off and on: only an empty, closed one, and only one that we switched off.

Who switched a host off is known by a mark in the database, written with the step that saw it
off. A host that is off without the mark belongs to whoever switched it off.
"""

from msgspec.structs import replace

from anypool.engine.runs.decision import Act, Decision, Deed, Done, Fail, Memory, Wait, recall
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Sight
from anypool.model import HOLDS_MEMORY, Host, HostState, Power
from anypool.plan import PowerOffHost, PowerOnHost, Reason, reason
from anypool.store.records import HostFacts, StepRecord, StepState

_LOST = frozenset({StepState.FAILED, StepState.NEEDS_HUMAN})


AGAIN_S = 60.0
"""A BMC that took the order to switch on and still says off for so long is told once more."""


def of_power(
    action: PowerOffHost | PowerOnHost, sight: Sight, about: tuple[Memory, Times], *, acked: bool
) -> Decision:
    """Return what to do about the power of a host."""
    memory, times = about
    host = sight.inventory.hosts.get(action.host)
    if host is None:
        return Fail(reason("run.host-gone"))
    if sight.power is Power.ON and (not sight.answered or host.state is HostState.UNKNOWN):
        return _silent(action, host, times, acked=acked)
    if not sight.answered or host.state is HostState.UNKNOWN:
        return Wait(reason("run.no-answer"))
    if isinstance(action, PowerOffHost):
        return _off(host, sight, about, acked=acked)
    return _on(host, sight, memory, acked=acked)


def _silent(
    action: PowerOffHost | PowerOnHost, host: Host, times: Times, *, acked: bool
) -> Decision:
    """Return what to do about a host that is on and does not answer: it comes, goes or hangs.

    One that we saw empty, closed, and told to shut down may be switched off by force.
    """
    if isinstance(action, PowerOnHost):
        return Wait(reason("run.not-up-yet", host=host.name))
    if not (acked and host.maintenance):
        return Wait(reason("run.no-answer"))
    return Act(Deed.FORCE_OFF, reason("run.not-off-yet", host=host.name), times.host_off_s)


def _off(host: Host, sight: Sight, about: tuple[Memory, Times], *, acked: bool) -> Decision:
    memory, times = about
    if host.state is HostState.OFF:
        return Done() if memory.sent else Fail(reason("check.not-ours", host=host.name))
    if not host.maintenance:
        return Fail(reason("run.opened", host=host.name), 1.0)
    here = (seen for seen in sight.seen if seen.host == host.id)
    busy = [seen.vm.name for seen in here if seen.vm and seen.state in HOLDS_MEMORY]
    if busy:
        return Fail(reason("run.still-there", count=len(busy), vms=tuple(busy[:3])), 1.0)
    waits = reason("run.not-off-yet", host=host.name)
    if not acked:
        return _again(waits, sight, memory)
    if sight.power is Power.ON:
        return Act(Deed.FORCE_OFF, waits, times.host_off_s)
    return Wait(waits)


def _again(waits: Reason, sight: Sight, memory: Memory) -> Act:
    """Send an order; where it may have got to a BMC already, only if nothing comes of that."""
    unclear = memory.sent and sight.power is not Power.UNKNOWN
    return Act(Deed.PERFORM, waits, AGAIN_S) if unclear else Act(Deed.PERFORM, None)


def _on(host: Host, sight: Sight, memory: Memory, *, acked: bool) -> Decision:
    if host.state is HostState.UP:
        return Done()
    if acked:
        waits = reason("run.not-up-yet", host=host.name)
        return Act(Deed.PERFORM, waits, AGAIN_S) if sight.power is Power.OFF else Wait(waits)
    if not (host.power_saved or memory.sent):
        return Fail(reason("check.not-ours", host=host.name))
    return _again(reason("run.not-up-yet", host=host.name), sight, memory)


def marked(action: PowerOffHost | PowerOnHost, record: StepRecord, known: HostFacts) -> HostFacts:
    """Return what is ours about a host after a step as it stands in the journal.

    That it wakes is proven only by a switching on of ours that was seen to bring it up; one
    that did not bring it up takes the proof away.
    """
    done, sent = record.state is StepState.DONE, recall(record.result).sent
    if isinstance(action, PowerOffHost):
        return replace(known, power_saved=True) if done and sent else known
    if done:
        proven = record.ended_at if sent else known.wake_proven_at
        return replace(known, power_saved=False, wake_proven_at=proven)
    return replace(known, wake_proven_at=0.0) if record.state in _LOST else known
