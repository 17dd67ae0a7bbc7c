"""What differs between two plans, VM by VM."""

from typing import Literal

from msgspec import Struct

from anypool.plan.action import Action, hosts_of, vm_of
from anypool.plan.plan import Plan, Step


class Compared(Struct, frozen=True, kw_only=True):
    """A step of either plan: in both, in one alone, or another one for the same VM."""

    change: Literal["same", "added", "removed", "changed"]
    before: Step | None = None
    after: Step | None = None


def compare(old: Plan, new: Plan) -> tuple[Compared, ...]:
    """Return the steps of the new plan in order, then those of the old one that it lacks."""
    waiting: dict[object, list[Step]] = {}
    for step in old:
        waiting.setdefault(_about(step.action), []).append(step)
    found: list[Compared] = []
    for step in new:
        mates = waiting.get(_about(step.action), [])
        same = next((one for one in mates if one.action == step.action), None)
        mate = same or (mates[0] if mates else None)
        if mate is None:
            found.append(Compared(change="added", after=step))
            continue
        mates.remove(mate)
        change: Literal["same", "changed"] = "changed" if same is None else "same"
        found.append(Compared(change=change, before=mate, after=step))
    left = {step.number for steps in waiting.values() for step in steps}
    gone = [Compared(change="removed", before=step) for step in old if step.number in left]
    return (*found, *gone)


def _about(action: Action) -> object:
    vm = vm_of(action)
    return (type(action), hosts_of(action)) if vm is None else vm
