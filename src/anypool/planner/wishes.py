"""What planners are asked, as values: one kind of wish for each way of asking."""

from typing import TypeAlias

import numpy as np
from msgspec import field
from msgspec.structs import replace

from anypool.model import (
    Curve,
    EndpointId,
    HostId,
    Inventory,
    RolloutWish,
    Service,
    Trace,
    Usage,
    Vm,
    VmId,
    VmWish,
)
from anypool.model.curve import Week
from anypool.model.energy import NO_TARIFF, Tariff, Watts
from anypool.plan import Action, Plan, Redeemed, digest, reason, released
from anypool.planner import fewest, rolling
from anypool.planner.copies import plan_remove_copy
from anypool.planner.evacuate import plan_evacuation
from anypool.planner.leave import plan_leave
from anypool.planner.operate import plan_action, plan_create, plan_migrate, plan_start
from anypool.planner.profiles.running import Borne
from anypool.planner.profiles.wishes import (
    AssignProfile,
    FailOver,
    MakeHost,
    MoveProfile,
    PutBack,
    RetireHost,
    UnassignProfile,
)
from anypool.planner.rebalance import Aim, Weights, plan_rebalance
from anypool.planner.rebalance.search import never
from anypool.planner.repurpose.aim import Aim as NewPurpose
from anypool.planner.repurpose.change import plan_repurpose
from anypool.planner.rounds import Late, Rounds
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order, plan_saving, plan_wake_proof
from anypool.planner.serve import plan_service_make, plan_service_start, plan_service_stop
from anypool.planner.wishing import Wish


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


class RemoveOneCopy(Wish, frozen=True, tag="remove-copy"):
    """Forget the stopped copy of a VM on a host, asked for by `who`."""

    vm: VmId
    host: HostId
    who: str

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the one step."""
        return plan_remove_copy(inventory, self.vm, self.host, reason("asked", who=self.who))


class MigrateOne(Wish, frozen=True, tag="migrate"):
    """Migrate a VM to a host, None for the best."""

    vm: VmId
    target: HostId | None = None

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the one step."""
        return plan_migrate(inventory, self.vm, rules, target=self.target)


class CreateVms(Wish, frozen=True, tag="create"):
    """Make VMs, whose ids and addresses are chosen already; `host` None for the best.

    What it `redeems` is free for them.
    """

    wishes: tuple[VmWish, ...]
    host: HostId | None = None
    start: bool = True
    redeems: tuple[Redeemed, ...] = ()

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        world = released(inventory, self.redeems)
        made = plan_create(world, self.wishes, rules, host=self.host, start=self.start)
        if not self.redeems:
            return made
        return replace(made, redeems=self.redeems, based_on=digest(inventory))


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
    usages: dict[VmId, Usage] = field(default_factory=dict)
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
    curves: dict[VmId, tuple[bytes, bytes]] = field(default_factory=dict)
    least_hours: int = 24
    headroom_percent: float = 20.0
    failures: int = 0
    left_alone: frozenset[VmId] = frozenset()
    close: bool = False
    watts: dict[HostId, Watts] = field(default_factory=dict)
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
    """Start a service; `members` are the VMs of each component, `borne` those with a profile."""

    service: Service
    members: dict[str, tuple[VmId, ...]]
    borne: dict[str, Borne] = field(default_factory=dict)

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        members = _members(self.members, inventory)
        return plan_service_start(inventory, self.service, members, rules, self.borne)


class StopService(Wish, frozen=True, tag="stop-service"):
    """Stop a service; `members` are the VMs of each component, `borne` those with a profile."""

    service: Service
    members: dict[str, tuple[VmId, ...]]
    borne: dict[str, Borne] = field(default_factory=dict)

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps."""
        members = _members(self.members, inventory)
        return plan_service_stop(inventory, self.service, members, rules, self.borne)


def _members(ids: dict[str, tuple[VmId, ...]], inventory: Inventory) -> dict[str, tuple[Vm, ...]]:
    return {name: tuple(map(inventory.vm, vms)) for name, vms in ids.items()}


class LeaveEndpoint(Wish, frozen=True, tag="leave"):
    """Take away what was found of ours behind an endpoint."""

    endpoint: EndpointId
    traces: tuple[Trace, ...]

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return a step for each."""
        return plan_leave(inventory, self.endpoint, self.traces)


class MaintainPool(Wish, frozen=True, tag="maintain"):
    """Foresee the maintenance of a pool's hosts in waves."""

    pool: str
    rollout: RolloutWish

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return all waves as one plan; raise `NoPlan`."""
        return rolling.forecast(inventory, self.rollout, self.pool, rules).plan


class MaintainHosts(Wish, frozen=True, tag="wave"):
    """Maintain some hosts of a pool together."""

    pool: str
    hosts: tuple[HostId, ...]
    rollout: RolloutWish

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the wave; raise `NoPlan`."""
        on = rolling.terms(inventory, self.rollout, rules)
        found = rolling.plan_wave(inventory, self.hosts, on)
        if not isinstance(found, rolling.Wave):
            raise rolling.no_rollout(inventory, self.pool, (found,))
        return rolling.plan_of(found, inventory, self.pool)


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


class SavePower(Wish, frozen=True, tag="save-power"):
    """Close one host that is not needed, or wake one that is."""

    order: Order

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the moves and the switching, or a plan without steps that says why."""
        return plan_saving(inventory, self.order, rules)


class ProveWake(Wish, frozen=True, tag="prove-wake"):
    """Switch a host off and on to see that it wakes."""

    host: HostId

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the test cycle."""
        return plan_wake_proof(inventory, self.host, rules)


class Repurpose(Wish, frozen=True, tag="repurpose"):
    """Make a group of servers what a calendar wants them to be."""

    aim: NewPurpose

    def plan(self, inventory: Inventory, rules: Rulebook, late: Late = never) -> Plan:
        """Return the steps; raise `NoPlan` where nothing of it can be done."""
        return plan_repurpose(inventory, self.aim, rules)


AnyWish: TypeAlias = (
    EvacuateHost
    | StartOne
    | MigrateOne
    | RemoveOneCopy
    | CreateVms
    | DoAction
    | BalanceHosts
    | FewestHosts
    | MakeService
    | StartService
    | StopService
    | LeaveEndpoint
    | MaintainPool
    | MaintainHosts
    | SavePower
    | ProveWake
    | AssignProfile
    | UnassignProfile
    | MoveProfile
    | PutBack
    | MakeHost
    | RetireHost
    | FailOver
    | Repurpose
)
