"""An independent judge of rolling maintenance: how many hosts a plan lets be off at one time.

Like `plan.check` it shares no code with the planners. It looks at nothing but the order that
the steps force: two hosts can be off together unless the verification of one must be done
before the other is closed or handed over.
"""

from anypool.plan.action import EnterMaintenance, HandOver, VerifyHost
from anypool.plan.plan import Plan
from anypool.plan.reason import Reason, reason


def off_together(plan: Plan, most: int) -> tuple[Reason, ...]:
    """Return each set of hosts that could be off together and is larger than `most`."""
    before = _ancestors(plan)
    opens: dict[str, int] = {}
    closes: dict[str, int] = {}
    for step in plan.steps:
        match step.action:
            case EnterMaintenance() | HandOver() as action:
                closes.setdefault(action.host, step.number)
            case VerifyHost() as action:
                opens[action.host] = step.number
            case _:
                pass
    found: set[tuple[str, ...]] = set()
    for host, closed in closes.items():
        others = [
            other
            for other, at in closes.items()
            if other != host
            and not before[closed] >> opens.get(other, 0) & 1
            and not before[at] >> opens.get(host, 0) & 1
        ]
        together = tuple(sorted((host, *others)))
        if len(together) > most:
            found.add(together)
    return tuple(
        reason("check.too-many-off", hosts=tuple(map(str, hosts)), most=most)
        for hosts in sorted(found)
    )


def _ancestors(plan: Plan) -> dict[int, int]:
    """Return for each step all that must be done before it: a bit each, by their numbers."""
    found: dict[int, int] = {}
    for step in plan.steps:
        before = 0
        for earlier in step.after:
            before |= found[earlier] | 1 << earlier
        found[step.number] = before
    return found
