"""What a planner was asked, as a value: kept with a plan, it makes the plan again.

`planned` is the one way from inputs to a plan, the first time and every later time.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Conflict, Invalid
from anypool.model import (
    Curve,
    EndpointId,
    HostId,
    Inventory,
    Policy,
    Service,
    Trace,
    Usage,
    Vm,
    VmId,
    VmWish,
)
from anypool.model.curve import Week
from anypool.model.energy import NO_TARIFF, Tariff, Watts
from anypool.plan import Action, CostModel, Plan, named, priced, reason, refuse
from anypool.plan.price import used
from anypool.planner import fewest
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.failover import Outlook, weakened
from anypool.planner.leave import plan_leave
from anypool.planner.operate import plan_action, plan_create, plan_migrate, plan_start
from anypool.planner.rebalance import Aim, Weights, plan_rebalance
from anypool.planner.rebalance.search import never
from anypool.planner.rules import Rulebook
from anypool.planner.serve import plan_service_make, plan_service_start, plan_service_stop

FORMAT = 1
"""Of stored inputs."""

Late = Callable[[], bool]
"""Whether a search is to end with what it has."""

_encoder = msgspec.json.Encoder(order="deterministic")


class Wish(Struct, frozen=True, kw_only=True, tag_field="wish", forbid_unknown_fields=True):
    """What all wishes are: values that make a plan of an inventory and its rules."""

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the plan; raise what its planner raises. `late` ends a search early."""
        raise NotImplementedError


class EvacuateHost(Wish, frozen=True, tag="evacuate"):
    """Empty a host; `tight` fills the fullest hosts first instead of spreading."""

    host: HostId
    tight: bool = False

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the moves and the maintenance."""
        return plan_evacuation(inventory, self.host, rules, tight=self.tight)


class StartOne(Wish, frozen=True, tag="start"):
    """Start a stopped VM."""

    vm: VmId

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the one step."""
        return plan_start(inventory, self.vm, rules)


class MigrateOne(Wish, frozen=True, tag="migrate"):
    """Migrate a VM to a host, None for the best."""

    vm: VmId
    target: HostId | None = None

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the one step."""
        return plan_migrate(inventory, self.vm, rules, target=self.target)


class CreateVms(Wish, frozen=True, tag="create"):
    """Make VMs, whose ids and addresses are chosen already; `host` None for the best."""

    wishes: tuple[VmWish, ...]
    host: HostId | None = None
    start: bool = True

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        return plan_create(inventory, self.wishes, rules, host=self.host, start=self.start)


class DoAction(Wish, frozen=True, tag="action"):
    """Do one thing that somebody asked for."""

    action: Action
    who: str

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the one step."""
        return plan_action(inventory, self.action, self.who, rules)


class BalanceHosts(Wish, frozen=True, tag="balance"):
    """Make hosts alike. `rounds` is how often the search went on, -1 for to its end.

    A search that time ended is made again by counting: it is ended at the same round.
    """

    hosts: frozenset[HostId]
    name: str = ""
    usages: dict[VmId, Usage] = {}
    weights: Weights = Weights()
    left_alone: frozenset[VmId] = frozenset()
    at_once: int = 0
    rounds: int = -1

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the moves."""
        aim = Aim(
            hosts=self.hosts,
            name=self.name,
            rules=rules,
            usages=self.usages,
            weights=self.weights,
            left_alone=self.left_alone,
            at_once=self.at_once,
        )
        return plan_rebalance(inventory, aim, Rounds(self.rounds, late))


class FewestHosts(Wish, frozen=True, tag="fewest"):
    """Empty as many hosts as possible; see `planner.fewest.Wish`, and `BalanceHosts` for `rounds`.

    `curves` are two weeks of each VM as little-endian numbers of eight bytes: high and mean.
    """

    hosts: frozenset[HostId]
    name: str = ""
    curves: dict[VmId, tuple[bytes, bytes]] = {}
    least_hours: int = 24
    headroom_percent: float = 20.0
    failures: int = 0
    left_alone: frozenset[VmId] = frozenset()
    close: bool = False
    watts: dict[HostId, Watts] = {}
    tariff: Tariff = NO_TARIFF
    rounds: int = -1

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the moves."""
        wanted = fewest.Wish(
            hosts=self.hosts,
            name=self.name,
            rules=rules,
            curves={vm: _curve(*weeks) for vm, weeks in self.curves.items()},
            least_hours=self.least_hours,
            headroom_percent=self.headroom_percent,
            failures=self.failures,
            left_alone=self.left_alone,
            close=self.close,
            watts=self.watts,
            tariff=self.tariff,
        )
        return fewest.plan_consolidation(inventory, wanted, Rounds(self.rounds, late))


def _curve(high: bytes, mean: bytes) -> Curve:
    return Curve(high=np.frombuffer(high, "<f8"), mean=np.frombuffer(mean, "<f8"))


class MakeService(Wish, frozen=True, tag="make-service"):
    """Make the VMs that a service lacks, whose ids are chosen already."""

    service: Service
    wishes: tuple[VmWish, ...]

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        return plan_service_make(inventory, self.service, self.wishes, rules)


class StartService(Wish, frozen=True, tag="start-service"):
    """Start a service; `members` are the VMs of each of its components."""

    service: Service
    members: dict[str, tuple[VmId, ...]]

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        members = _members(self.members, inventory)
        return plan_service_start(inventory, self.service, members, rules)


class StopService(Wish, frozen=True, tag="stop-service"):
    """Stop a service; `members` are the VMs of each of its components."""

    service: Service
    members: dict[str, tuple[VmId, ...]]

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        return plan_service_stop(inventory, self.service, _members(self.members, inventory))


def _members(ids: dict[str, tuple[VmId, ...]], inventory: Inventory) -> dict[str, tuple[Vm, ...]]:
    return {name: tuple(map(inventory.vm, vms)) for name, vms in ids.items()}


class LeaveEndpoint(Wish, frozen=True, tag="leave"):
    """Take away what was found of ours behind an endpoint."""

    endpoint: EndpointId
    traces: tuple[Trace, ...]

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return a step for each."""
        return plan_leave(inventory, self.endpoint, self.traces)


class Rounds:
    """Ends a search after a number of rounds (-1: never), or when `late` says so; counts them."""

    def __init__(self, most: int = -1, late: Late = never) -> None:
        self._most = most
        self._late = late
        self._asked = 0
        self.ended = -1

    def __call__(self) -> bool:
        """Return whether the search is to end; once it is, it stays so."""
        if self.ended < 0 and (self._asked == self._most or self._late()):
            self.ended = self._asked
        self._asked += 1
        return self.ended >= 0


def wish_of(aim: Aim, rounds: Rounds) -> BalanceHosts:
    """Return what a search for balance was asked, once it is over."""
    return BalanceHosts(
        hosts=aim.hosts,
        name=aim.name,
        usages=dict(aim.usages),
        weights=aim.weights,
        left_alone=aim.left_alone,
        at_once=aim.at_once,
        rounds=rounds.ended,
    )


def fewest_of(wanted: fewest.Wish, rounds: Rounds) -> FewestHosts:
    """Return what a search for hosts to empty was asked, once it is over."""
    weeks = {vm: (_bytes(one.high), _bytes(one.mean)) for vm, one in wanted.curves.items()}
    return FewestHosts(
        hosts=wanted.hosts,
        name=wanted.name,
        curves=weeks,
        least_hours=wanted.least_hours,
        headroom_percent=wanted.headroom_percent,
        failures=wanted.failures,
        left_alone=wanted.left_alone,
        close=wanted.close,
        watts=dict(wanted.watts),
        tariff=wanted.tariff,
        rounds=rounds.ended,
    )


def _bytes(week: Week) -> bytes:
    return week.astype("<f8").tobytes()


AnyWish: TypeAlias = (
    EvacuateHost
    | StartOne
    | MigrateOne
    | CreateVms
    | DoAction
    | BalanceHosts
    | FewestHosts
    | MakeService
    | StartService
    | StopService
    | LeaveEndpoint
)


class Terms(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a plan is priced and judged.

    `slots` is how many migrations go on at once. `by` asked for it; `waive` is None where the
    capacity that failures need is not asked about, True where that may be overruled.
    """

    model: CostModel = CostModel()
    slots: int = 4
    by: str = ""
    waive: bool | None = None


class Inputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a plan is made of beside its inventory."""

    wish: AnyWish
    policies: tuple[Policy, ...] = ()
    terms: Terms = Terms()


def planned(inputs: Inputs, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
    """Return the plan of inputs, judged, priced and with names; raise what its planner raises.

    `rules` are the policies of the inputs as they bind the inventory.
    """
    return finished(inputs.wish.plan(inventory, rules, late), inputs.terms, inventory, rules)


def finished(
    plan: Plan,
    terms: Terms,
    inventory: Inventory,
    rules: Rulebook,
    outlook: Outlook | None = None,
) -> Plan:
    """Return a plan as it came from its planner, judged, priced and with names.

    Raise `Conflict` if less would survive a failure and nobody overrules that.
    """
    asked = terms.waive is not None
    if asked and (against := weakened(plan, inventory, rules.bounds, outlook)):
        if not terms.waive:
            raise refuse(Conflict, reason("no.spare", why=against), reason("hint.ignore-failover"))
        plan = replace(plan, waived=(reason("plan.waived", who=terms.by, why=against),))
    return named(priced(plan, inventory, terms.model, terms.slots), inventory)


class _Stored(Struct, frozen=True, kw_only=True):
    format: int
    inputs: msgspec.Raw


def encode_inputs(inputs: Inputs, plan: Plan) -> bytes:
    """Return the inputs of a plan as JSON, with the corrections alone that its price used."""
    terms = replace(inputs.terms, model=used(plan, inputs.terms.model))
    small = replace(inputs, terms=terms)
    body = msgspec.Raw(_encoder.encode(small))
    return _encoder.encode(_Stored(format=FORMAT, inputs=body))


def decode_inputs(data: bytes) -> Inputs:
    """Return stored inputs; raise `Invalid` for what this release does not know."""
    hint = "another release made it: this one cannot make the plan again"
    try:
        stored = msgspec.json.decode(data, type=_Stored)
        if stored.format != FORMAT:
            raise Invalid(f"the inputs of the plan have format {stored.format}", hint=hint)
        return msgspec.json.decode(stored.inputs, type=Inputs)
    except msgspec.DecodeError as error:
        raise Invalid(f"the inputs of the plan are not understood: {error}", hint=hint) from error
