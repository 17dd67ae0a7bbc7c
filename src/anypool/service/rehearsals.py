"""Failures that are rehearsed on a copy of the inventory, with the decisions of the real guard."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from anypool.engine import Engine
from anypool.errors import Invalid
from anypool.model import (
    Bound,
    HighAvailability,
    HostId,
    Inventory,
    Level,
    Proof,
    Vm,
    VmState,
)
from anypool.plan import Plan, plain, reason
from anypool.planner.failover import Failure
from anypool.planner.ha.deeds import plan_fence
from anypool.planner.rehearse import Dies, Happens, Moment, Watched, run, silent, watch
from anypool.planner.rules import NO_RULES
from anypool.planner.wish import Terms, finished
from anypool.service.access import Principal
from anypool.service.failures import Asked, Failures

MOST_HOSTS = 200
"""More hosts are not rehearsed at once."""


class Rehearsed(Struct, frozen=True, kw_only=True):
    """A failure as it was played; `guarded` are those of its hosts that a policy guards.

    `vms` are those that ran there, `after` is the copy when all was over.
    """

    failure: Failure
    how: Dies
    guarded: frozenset[HostId]
    moments: tuple[Moment, ...]
    plans: tuple[Plan, ...]
    vms: tuple[Vm, ...]
    before: Inventory
    after: Inventory

    @property
    def lost(self) -> tuple[Vm, ...]:
        """The VMs that do not run when all is over."""
        now = self.after.vms
        return tuple(vm for vm in self.vms if now[vm.id].state is not VmState.RUNNING)


class Rehearsals:
    """The use case of playing a failure; nothing of it is stored, and nothing is done."""

    def __init__(self, engine: Engine, failures: Failures) -> None:
        self._engine = engine
        self._failures = failures

    def play(
        self, by: Principal, pool: str, asked: Asked, *, how: Dies, person_s: float
    ) -> Rehearsed:
        """Play the failure of hosts; raise as `Failures.failing` does, `Invalid` for a datastore.

        A person confirms what nothing proves after `person_s`, never if that is 0.
        """
        failure, inventory = self._failures.failing(by, pool, asked)
        if failure.datastore is not None:
            hint = "the death map says which VMs would be lost with it"
            raise Invalid("the loss of a datastore cannot be rehearsed", hint=hint)
        if len(failure.hosts) > MOST_HOSTS:
            raise Invalid(f"at most {MOST_HOSTS} hosts are rehearsed at once", hint="choose fewer")
        rules = self._engine.policies.rulebook(inventory)
        guards = [one for one in rules.bounds if isinstance(one.rule, HighAvailability)]
        terms = self._engine.keeping.prices.terms()
        moments = [_fails(inventory, host, how) for host in sorted(failure.hosts)]
        proofs = dict[HostId, tuple[int, Proof]]()
        fence_s = _fence_s(inventory, failure, terms)
        for policy, dying in _by_guard(guards, failure.hosts).items():
            bound = next((one for one in guards if one.policy == policy), None)
            rule = bound.rule if bound is not None else HighAvailability()
            assert isinstance(rule, HighAvailability)
            moments += _notes(inventory, bound, dying)
            watched = Watched(
                dying=dying,
                guarded=dying if bound is None else bound.hosts,
                how=how,
                rule=rule,
                fence_s=fence_s,
                person_s=person_s,
            )
            found = watch(inventory, watched)
            moments += found.moments
            proofs |= found.proofs
        services = self._engine.services.all()
        ran = run(silent(inventory, failure.hosts), proofs, rules, services, terms)
        moments += ran.moments
        return Rehearsed(
            failure=failure,
            how=how,
            guarded=frozenset(host for one in guards for host in one.hosts & failure.hosts),
            moments=tuple(sorted(moments, key=lambda moment: moment.at_ms)),
            plans=ran.plans,
            vms=tuple(vm for host in sorted(failure.hosts) for vm in inventory.holding(host)),
            before=inventory,
            after=ran.after,
        )


def _by_guard(guards: list[Bound], hosts: frozenset[HostId]) -> Mapping[str, frozenset[HostId]]:
    """Return which hosts each policy guards; those under "" nobody does."""
    found: dict[str, frozenset[HostId]] = {}
    left = hosts
    for one in guards:
        if mine := one.hosts & left:
            found[one.policy], left = mine, left - mine
    return found | ({"": left} if left else {})


def _fails(inventory: Inventory, host: HostId, how: Dies) -> Moment:
    said = reason(f"rehearse.{how}", host=inventory.hosts[host].name)
    return Moment(at_ms=0, what=Happens.FAILS, said=said, host=host)


def _notes(inventory: Inventory, bound: Bound | None, dying: frozenset[HostId]) -> Iterator[Moment]:
    """Yield what in earnest would be otherwise."""
    if bound is None:
        for host in sorted(dying):
            said = reason("rehearse.nobody", host=inventory.hosts[host].name)
            yield Moment(at_ms=0, what=Happens.DECIDED, said=said, host=host)
        return
    level = getattr(bound.rule, "level", Level.AUTOMATIC)
    if level is not Level.AUTOMATIC:
        said = reason("rehearse.level", policy=bound.policy, level=level)
        yield Moment(at_ms=0, what=Happens.DECIDED, said=said)


def _fence_s(inventory: Inventory, failure: Failure, terms: Terms) -> float:
    host = min(failure.hosts)
    plan = plan_fence(inventory, host, plain(""))
    cost = finished(plan, terms, inventory, NO_RULES).cost
    return max(1.0, cost.duration_ms / 1000)
