"""One look at one policy that saves power: is a host to be closed or woken, and by itself.

Closing waits: for the hold, the cool-down, the window. Waking waits for nothing.
"""

from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.watching import left
from anypool.engine.watching.past import Past, author
from anypool.engine.watching.powerorders import PowerOrders
from anypool.engine.watching.watcher import Look, Made, Watcher
from anypool.model import Level, Matter, PolicyId, PowerSaving
from anypool.plan import MigrateVm, Plan, PowerOffHost, Reason, reason
from anypool.plan.check import objections
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order, busy
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import SavePower
from anypool.store import Store

AGAIN_S = 60.0
"""Time alone changes what is due: windows open, proofs grow old."""


class PowerWatcher(Watcher):
    """Looks at policies of the kind `power`; what waits and what runs is as for balancing."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        super().__init__(engine, store, clock)
        self._wanted: dict[PolicyId, PowerSaving] = {}
        self.orders = PowerOrders(engine, clock)

    def look(self, look: Look) -> float:
        """Do what is to be done about a policy; return when time alone changes something."""
        rule = look.policy.rule
        assert isinstance(rule, PowerSaving)
        self._wanted[look.policy.id] = rule
        always = replace(look.policy, rule=replace(rule, window=""))  # waking waits for no window
        return super().look(replace(look, policy=always))

    def _plan(self, look: Look, past: Past) -> float:
        rule = self._wanted[look.policy.id]
        rules = self._engine.policies.rulebook(look.inventory)
        wish = SavePower(order=self._order(look, rule, rules))
        look = replace(look, before=replace(look.before, percent=_percent(wish.order, look)))
        plan, now = wish.plan(look.inventory, rules), self._clock.now()
        closes = any(isinstance(step.action, PowerOffHost) for step in plan)
        since = (min(look.before.since, now) or now) if closes else 0.0
        look = replace(look, before=replace(look.before, since=since))
        rest = _rest(rule, plan, past, (since, now)) if closes or not plan.steps else None
        if rest is not None:
            self._drop(look, past, rest)
            return self._say(look, rest, until=now + AGAIN_S)
        terms = self._prices.terms(author(look.policy.id))
        made = finished(plan, terms, look.inventory, rules)
        if against := objections(made, look.inventory, rules.bounds):
            why = reason("watch.objected", objections=against[:3])
            self._drop(look, past, why)
            return self._say(look, why, until=now + AGAIN_S)
        inputs = Inputs(wish=wish, policies=rules.policies, terms=terms)
        automatic = _by_itself(rule, made, rules) and not past.failed
        automatic = automatic and not left.deciding(look.inventory, look.hosts, Matter.POWER)
        return self._propose(look, past, Made(made, inputs, automatic))

    def _order(self, look: Look, rule: PowerSaving, rules: Rulebook) -> Order:
        energy = self.orders.known_energy(look.hosts, look.inventory)
        pool = (str(look.policy.id), look.inventory, rules)
        return self.orders.order(rule, look.hosts, pool, energy=energy)


def _rest(rule: PowerSaving, plan: Plan, past: Past, times: tuple[float, float]) -> Reason | None:
    """Return why nothing is done now although the planner was asked, None if it is time."""
    since, now = times
    if not plan.steps:
        return plan.aim
    if now < since + rule.hold_s:
        return reason("saving.hold", hold=float(rule.hold_s))
    if past.ended_at and now < min(past.ended_at, now) + rule.cool_down_s:
        return reason("saving.rests", rest=float(rule.cool_down_s))
    return None


def _by_itself(rule: PowerSaving, plan: Plan, rules: Rulebook) -> bool:
    """Return whether a plan may run without a person: only if each move in it may."""
    moved = (step.action.vm for step in plan if isinstance(step.action, MigrateVm))
    levels = [rules.automation(vm) or rule.level for vm in moved]
    return all(level is Level.AUTOMATIC for level in (rule.level, *levels))


def _percent(order: Order, look: Look) -> float:
    hosts = (look.inventory.hosts[key] for key in sorted(look.hosts))
    up = [one for one in hosts if one.state == "up" and not one.maintenance]
    return round(busy(look.inventory, up, order.usages), 2)
