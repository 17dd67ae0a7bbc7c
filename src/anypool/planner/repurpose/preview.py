"""What a calendar will do: each change of the coming days, planned on the pool it will find."""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import AnypoolError
from anypool.model import Inventory, ServerId
from anypool.model.calendar import Calendar, Memory
from anypool.plan import Plan, Reason, outcome, why_of
from anypool.plan.servereffect import bearing
from anypool.planner import cancel
from anypool.planner.repurpose.aim import Known, aim_of, remembered, servers_of
from anypool.planner.repurpose.change import Missing, changed
from anypool.planner.repurpose.match import is_open
from anypool.planner.repurpose.timeline import Stretch, timeline
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Terms, finished


class Asked(Struct, frozen=True, kw_only=True):
    """A calendar, what it is read with, the time it is asked for, and how plans are priced.

    `extra` is how many profiles there are more on load, in the first stretch.
    """

    calendar: Calendar
    known: Known
    rules: Rulebook
    terms: Terms
    begin: float
    end: float
    extra: int = 0


class Bears(Struct, frozen=True, kw_only=True):
    """What a server bears: the name of a profile, or whether it is a hypervisor of its own."""

    server: ServerId
    name: str
    profile: str = ""
    hypervisor: bool = False


class Turn(Struct, frozen=True, kw_only=True):
    """One stretch: what it wants, the plan that leads there, and who bears what then.

    `plan` is None where nothing is to be done, or nothing can be; `against` says why not, and
    `missing` what of it cannot be.
    """

    stretch: Stretch
    plan: Plan | None
    missing: tuple[Missing, ...]
    against: Reason | None
    bears: tuple[Bears, ...]


def preview(asked: Asked) -> tuple[Turn, ...]:
    """Return the stretches of a time, each with its change; raise `Invalid` for what is amiss."""
    world, memory = asked.known.inventory, asked.known.memory
    turns: list[Turn] = []
    extra = asked.extra
    for stretch in timeline(asked.calendar, asked.begin, asked.end):
        cancel.check()
        turn, world, memory = _turn(asked, stretch, extra, (world, memory))
        turns.append(turn)
        extra = 0
    return tuple(turns)


def bears(calendar: Calendar, inventory: Inventory) -> tuple[Bears, ...]:
    """Return what each server of a calendar bears, by name."""
    some = [inventory.servers[key] for key in servers_of(calendar, inventory)]
    found = []
    for one in sorted(some, key=lambda one: (one.name, one.id)):
        profile = bearing(inventory, one)
        name = "" if profile is None else profile.name
        free = profile is None and is_open(inventory, one)
        found.append(Bears(server=one.id, name=one.name, profile=name, hypervisor=free))
    return tuple(found)


def _turn(
    asked: Asked, stretch: Stretch, extra: int, before: tuple[Inventory, Memory]
) -> tuple[Turn, Inventory, Memory]:
    world, memory = before
    plan, missing, against = None, tuple[Missing, ...](), None
    if stretch.purpose:
        try:
            known = replace(asked.known, inventory=world, memory=memory)
            found = changed(world, aim_of(asked.calendar, stretch.purpose, extra, known),
                            asked.rules)  # fmt: skip
            missing = found.missing
            if found.plan.steps:
                plan = finished(found.plan, asked.terms, world, asked.rules)
                world, memory = outcome(plan, world), remembered(memory, plan)
        except AnypoolError as error:
            plan, against = None, why_of(error)
    turn = Turn(
        stretch=stretch,
        plan=plan,
        missing=missing,
        against=against,
        bears=bears(asked.calendar, world),
    )
    return turn, world, memory
