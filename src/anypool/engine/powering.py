"""Switching a host off and on: only an empty, closed one, and only one that we switched off.

Who switched a host off is known by a mark in the database, written with the step that saw it
off. A host that is off without the mark belongs to whoever switched it off.
"""

from msgspec.structs import replace

from anypool.engine.decision import Act, Decision, Deed, Done, Fail, Memory, Wait, recall
from anypool.engine.sight import Sight
from anypool.model import HOLDS_MEMORY, Host, HostState
from anypool.plan import PowerOffHost, PowerOnHost, reason
from anypool.store.records import HostFacts, StepRecord, StepState

_LOST = frozenset({StepState.FAILED, StepState.NEEDS_HUMAN})


def of_power(
    action: PowerOffHost | PowerOnHost, sight: Sight, memory: Memory, *, acked: bool
) -> Decision:
    """Return what to do about the power of a host."""
    host = sight.inventory.hosts.get(action.host)
    if host is None:
        return Fail(reason("run.host-gone"))
    if not sight.answered or host.state is HostState.UNKNOWN:
        return Wait(reason("run.no-answer"))
    if isinstance(action, PowerOffHost):
        return _off(host, sight, memory, acked=acked)
    return _on(host, memory, acked=acked)


def _off(host: Host, sight: Sight, memory: Memory, *, acked: bool) -> Decision:
    if host.state is HostState.OFF:
        return Done() if memory.sent else Fail(reason("check.not-ours", host=host.name))
    if not host.maintenance:
        return Fail(reason("run.opened", host=host.name), 1.0)
    here = (seen for seen in sight.seen if seen.host == host.id)
    busy = [seen.vm.name for seen in here if seen.vm and seen.state in HOLDS_MEMORY]
    if busy:
        return Fail(reason("run.still-there", count=len(busy), vms=tuple(busy[:3])), 1.0)
    return Wait(reason("run.not-off-yet", host=host.name)) if acked else Act(Deed.PERFORM, None)


def _on(host: Host, memory: Memory, *, acked: bool) -> Decision:
    if host.state is HostState.UP:
        return Done()
    if acked:
        return Wait(reason("run.not-up-yet", host=host.name))
    if not (host.power_saved or memory.sent):
        return Fail(reason("check.not-ours", host=host.name))
    return Act(Deed.PERFORM, None)


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
