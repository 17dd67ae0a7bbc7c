"""A host that people service: was it away, is it back, may it be opened again.

Silence is absence only while another endpoint of the pool answers: a manager that is cut off
must not take its own trouble for a server that was serviced. What was seen is kept in the
journal row of the step, so that a manager that is killed meanwhile goes on with it.
"""

from msgspec.structs import replace

from anypool.engine.runs.decision import (
    Act,
    Decision,
    Deed,
    Done,
    Fail,
    Memory,
    Wait,
    Withdraw,
    recall,
    remember,
)
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Sight
from anypool.engine.runs.state import Context, Phase, StepNow
from anypool.errors import Conflict
from anypool.model import HOLDS_MEMORY, Host, HostId, HostState, Inventory
from anypool.plan import Action, HandOver, Reason, VerifyHost, reason
from anypool.store.records import StepRecord, StepState


def of_hand_over(action: HandOver, sight: Sight, memory: Memory, *, cancelling: bool) -> Decision:
    """Return what to do about a host that is to be serviced."""
    host = sight.inventory.hosts.get(action.host)
    if host is None:
        return Fail(reason("run.host-gone"))
    if cancelling and memory.sent:
        return Withdraw(reason("run.not-serviced"))
    if not host.maintenance or (not memory.away and _runs(sight, action.host)):
        return Fail(reason("run.opened", host=host.name), 1.0)
    if not memory.sent:
        return Act(Deed.PERFORM, reason("run.handed-over", host=host.name))
    if not is_up(sight, action.host):
        return Wait(reason("run.away", host=host.name))
    if memory.said:
        return Done(reason("run.said-ready"))
    if memory.away and action.seen:
        return Done(reason("run.came-back"))
    return Wait(reason("run.handed-over", host=host.name))


def of_verifying(action: VerifyHost, sight: Sight, times: Times) -> Decision:
    """Return whether a host is as it has to be, seen in two looks."""
    host = sight.inventory.hosts.get(action.host)
    if host is None:
        return Fail(reason("run.host-gone"))
    if not is_up(sight, action.host):
        return Wait(reason("run.not-up-yet", host=host.name))
    if (why := _wrong(action, host, sight.inventory)) is not None:
        return Wait(why)
    return Done(patience_s=times.settle_s)


def noted(action: HandOver, sight: Sight, record: StepRecord, context: Context) -> Memory:
    """Return what a look adds to what is remembered of a host that is serviced."""
    memory = recall(record.result)
    if not memory.sent:
        return memory
    if is_up(sight, action.host):
        return memory if memory.away else replace(memory, away_at=0.0)
    if not sight.answered and not _witnessed(sight.inventory, action.host):
        return memory if memory.away else replace(memory, away_at=0.0)
    away_at = memory.away_at or context.now.at
    away = memory.away or context.now.at - away_at >= context.settings.host_away_s
    return replace(memory, away_at=away_at, away=away)


def timed(
    action: HandOver, sight: Sight, memory: Memory, found: tuple[Decision, Context]
) -> Decision:
    """Return the decision, or that the patience with a host that is away has ended."""
    decision, context = found
    late = memory.away_at and context.now.at - memory.away_at > action.return_s
    if not late or not isinstance(decision, Wait) or is_up(sight, action.host):
        return decision
    name = sight.inventory.hosts[action.host].name
    return Fail(reason("run.not-back", host=name, limit=action.return_s))


def said_ready(step: StepNow, action: Action, ticks: float) -> StepNow:
    """Return a step whose host somebody says is ready; `Conflict` if it is not handed over."""
    if not isinstance(action, HandOver) or step.state is not StepState.BEGUN:
        raise Conflict("the host is not handed over now", hint="`anypool rollout list` shows it")
    memory = replace(recall(step.record.result), said=True)
    step = replace(step, record=replace(step.record, result=remember(memory)))
    return replace(step, due=ticks) if step.phase is Phase.RESTING else step


def is_up(sight: Sight, host: HostId) -> bool:
    """Return whether a host was seen up in a look."""
    known = sight.inventory.hosts.get(host)
    return sight.answered and known is not None and known.state is HostState.UP


def _runs(sight: Sight, host: HostId) -> bool:
    return is_up(sight, host) and any(
        seen.vm is not None and seen.state in HOLDS_MEMORY for seen in sight.seen
    )


def _witnessed(inventory: Inventory, host: HostId) -> bool:
    """Return whether somebody behind another endpoint of the pool answers."""
    mine = inventory.hosts[host]
    return any(
        other.state is HostState.UP and other.endpoint != mine.endpoint and other.pool == mine.pool
        for other in inventory.hosts.values()
    )


def _wrong(action: VerifyHost, host: Host, inventory: Inventory) -> Reason | None:
    if action.hypervisor and action.hypervisor not in host.hypervisor:
        return reason(
            "run.other-version",
            host=host.name,
            found=host.hypervisor or "?",
            wanted=action.hypervisor,
        )
    stores, networks = inventory.datastores, inventory.networks
    lacking = [stores[one].name if one in stores else str(one)
               for one in sorted(action.datastores - host.datastores)]  # fmt: skip
    lacking += [networks[one].name if one in networks else str(one)
                for one in sorted(action.networks - host.networks)]  # fmt: skip
    if not lacking:
        return None
    return reason("run.lacks", host=host.name, what=tuple(lacking))
