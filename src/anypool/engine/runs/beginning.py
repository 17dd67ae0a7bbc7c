"""Whether a step may begin now: asked of the rules and the pool of now, right before the deed."""

from collections.abc import Iterable

from anypool.engine.runs.state import Context, RunNow
from anypool.plan import Action
from anypool.plan.stepcheck import Against, Moment, against, to_run
from anypool.store.records import StepState

_UNDER_WAY = (StepState.BEGUN, StepState.NEEDS_HUMAN)


def refused(run: RunNow, number: int, context: Context) -> Against | None:
    """Return what speaks against beginning a step, None if nothing does."""
    others = [step for step in run.steps if step.record.number != number]
    waiting = [step.record.number for step in others if step.state is StepState.WAITING]
    later = tuple(run.wish(one).action for one in waiting if one > number)
    action, inventory = to_run(run.wish(number).action, later, context.inventory)
    moment = Moment(
        inventory=inventory,
        bounds=context.bounds(inventory),
        under_way=(*context.under_way, *under_way((run,), besides=number)),
        earlier=tuple(run.wish(one).action for one in waiting if one < number),
        later=later,
    )
    return against(action, moment)


def under_way(runs: Iterable[RunNow], besides: int = 0) -> tuple[Action, ...]:
    """Return the deeds of runs that may have taken effect or not, but for the step `besides`."""
    return tuple(
        run.wish(step.record.number).action
        for run in runs
        for step in run.steps
        if step.state in _UNDER_WAY and step.record.number != besides
    )
