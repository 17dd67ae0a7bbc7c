"""The whole maintenance as it will go if nothing else happens: every wave, in one plan.

Nothing of a wave is before the verification of the wave before: each step of it waits for the
last steps there.
"""

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import NoPlan
from anypool.model import HostId, Inventory, RolloutWish
from anypool.plan import Plan, Refusal, Step, digest, reason, say
from anypool.planner.evacuate import no_plan
from anypool.planner.rolling.group import Grouped, fewest, grouped
from anypool.planner.rolling.wave import Stuck, Wave, terms
from anypool.planner.rules import NO_RULES, Rulebook


class Forecast(Struct, frozen=True, kw_only=True):
    """The waves, the fewest there can be, and all of it as one plan."""

    waves: tuple[tuple[HostId, ...], ...]
    fewest: int
    plan: Plan


def forecast(
    inventory: Inventory, wish: RolloutWish, pool: str, rules: Rulebook = NO_RULES
) -> Forecast:
    """Return how a pool is maintained; `NoPlan` names what is in the way, and what would help."""
    on = terms(inventory, wish, rules)
    found = grouped(inventory, wish.hosts, on)
    if found.stuck:
        raise no_rollout(inventory, pool, found.stuck)
    least = fewest(inventory, wish.hosts, on)
    return Forecast(
        waves=tuple(wave.hosts for wave in found.waves),
        fewest=least,
        plan=_joined(inventory, pool, found),
    )


def no_rollout(inventory: Inventory, pool: str, stuck: tuple[Stuck, ...]) -> NoPlan:
    """Return the error that names the VMs and hosts in the way."""
    hosts = sorted({inventory.hosts[host].name for one in stuck for host in one.hosts})
    vms = sorted({vm for one in stuck for vm in one.vms}) or hosts
    against = [entry for one in stuck for entry in one.against]
    why = reason("no.rollout", pool=pool, hosts=tuple(hosts), vms=tuple(vms))
    return no_plan(why, stuck[0].hint, against)


def _joined(inventory: Inventory, pool: str, found: Grouped) -> Plan:
    steps: list[Step] = []
    rejected: list[Refusal] = []
    gate = frozenset[int]()
    hosts = 0
    for wave in found.waves:
        first = len(steps)
        steps += [_shifted(step, first, gate) for step in wave.steps]
        gate = _ends(wave, first)
        rejected += wave.rejected
        hosts += len(wave.hosts)
    aim = reason("aim.maintain", pool=pool, hosts=hosts, waves=len(found.waves))
    return Plan(
        goal=say(aim),
        aim=aim,
        steps=tuple(steps),
        rejected=tuple(rejected),
        based_on=digest(inventory),
    )


def _shifted(step: Step, first: int, gate: frozenset[int]) -> Step:
    after = frozenset(before + first for before in step.after) or gate
    return replace(step, number=step.number + first, after=after)


def _ends(wave: Wave, first: int) -> frozenset[int]:
    """Return the numbers of the steps of a wave for which no other step of it waits."""
    awaited = {before for step in wave.steps for before in step.after}
    return frozenset(step.number + first for step in wave.steps if step.number not in awaited)
