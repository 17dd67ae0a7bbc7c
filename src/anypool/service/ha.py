"""High availability: what is guarded and how well, and what a person says of a dead host."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from anypool.engine import Engine
from anypool.engine.ha.agents import AgentSight
from anypool.engine.ha.guard import Guard
from anypool.engine.ha.standing import Standing
from anypool.errors import Conflict, Invalid
from anypool.model import (
    HOLDS_MEMORY,
    Capability,
    HighAvailability,
    HostId,
    HostState,
    Inventory,
    Policy,
    Power,
    Proof,
    Stated,
    Vm,
    VmId,
)
from anypool.plan import Reason
from anypool.planner.ha.brake import most_fences
from anypool.planner.ha.detect import ALIVE
from anypool.planner.ha.protect import Ground, Protected, Protection, protected, rules_by_host
from anypool.search import vms_matching
from anypool.service import find
from anypool.service.access import Deed, Principal, require
from anypool.service.failures import Failures
from anypool.store import Store, ha

LONGEST_WORDS = 500
NAMED = 1000
"""So many VMs that are not protected are named; all are counted."""


class Braked(Struct, frozen=True, kw_only=True):
    """A policy of the kind `ha`, and how far its brake is used up."""

    policy: Policy
    hosts: int
    fences: int
    most: int
    cold_left_s: float


class GuardedVm(Struct, frozen=True, kw_only=True):
    """A VM with how far it is protected; `down` says what ails it, or why it stays down."""

    vm: Vm
    protected: Protected
    down: Reason | None = None


class Overview(Struct, frozen=True, kw_only=True):
    """All that is guarded; `exposed` are VMs less than protected.

    `counts` are those that run, or are to, by how far they are protected.

    `unguarded` counts VMs that run on hosts without a policy of the kind `ha`. If all VMs were
    asked for, `vms` are all of both.
    """

    inventory: Inventory
    policies: tuple[Braked, ...]
    standing: tuple[Standing, ...]
    counts: dict[str, int]
    exposed: tuple[GuardedVm, ...]
    unguarded: int
    vms: tuple[GuardedVm, ...] = ()


class OneHost(Struct, frozen=True, kw_only=True):
    """One guarded host: what is thought of it, what would prove it dead, and what does now."""

    inventory: Inventory
    host: HostId
    standing: Standing | None
    proof: Proof | None
    vms: tuple[GuardedVm, ...]


class Ha:
    """The use cases of high availability."""

    def __init__(self, engine: Engine, store: Store, guard: Guard, failures: Failures) -> None:
        self._engine = engine
        self._store = store
        self._guard = guard
        self._failures = failures

    def overview(self, by: Principal, *, every: bool = False) -> Overview:
        """Return what is guarded, how hosts are judged, and which VMs are not protected.

        With `every` all VMs, each with how far it is protected and why not further.
        """
        require(by, Deed.READ)
        inventory = self._engine.inventory
        on = self._ground(inventory)
        guarded = [self._guarded(vm, on) for vm in inventory.vms.values() if vm.host in on.rules]
        at_risk = [one for one in guarded if _is_at_risk(one)]
        exposed = [one for one in at_risk if _is_exposed(one)]
        exposed.sort(key=lambda one: (one.protected.how, one.vm.name, one.vm.id))
        others = [vm for vm in inventory.vms.values() if vm.host not in on.rules]
        alone = [] if not every else [self._guarded(vm, on) for vm in others]
        return Overview(
            inventory=inventory,
            policies=tuple(self._braked(inventory)),
            standing=self._guard.standing(),
            counts=dict(Counter(str(one.protected.how) for one in at_risk)),
            exposed=tuple(exposed[:NAMED]),
            unguarded=sum(vm.state in HOLDS_MEMORY for vm in others),
            vms=tuple(sorted((*guarded, *alone), key=_by_name)) if every else (),
        )

    def host(self, by: Principal, key: str) -> OneHost:
        """Return one host; raise `NotFound`."""
        require(by, Deed.READ)
        inventory = self._engine.inventory
        host = find.host(inventory, key)
        on = self._ground(inventory)
        standing = next((one for one in self._guard.standing() if one.host == host.id), None)
        return OneHost(
            inventory=inventory,
            host=host.id,
            standing=standing,
            proof=self._engine.vitals.proof(host.id),
            vms=tuple(self._guarded(vm, on) for vm in inventory.vms_on(host.id)),
        )

    def vm(self, by: Principal, key: str) -> GuardedVm:
        """Return how far one VM is protected; raise `NotFound`."""
        require(by, Deed.READ)
        inventory = self._engine.inventory
        return self._guarded(find.vm(inventory, key), self._ground(inventory))

    def agent(self, vm: VmId) -> AgentSight:
        """Return what is known of the agent in a VM; for who may see the VM."""
        return self._guard.patients.agents.of(vm)

    def confirm_dead(self, by: Principal, key: str, words: str) -> Stated:
        """Keep that a person says that a host is dead and stays so, for VMs to start elsewhere.

        Raise `NotFound`, `Invalid` without a reason, `Conflict` while anything shows that the
        host lives or has power.
        """
        require(by, Deed.CONFIRM_DEATH)
        self._engine.must_lead()
        inventory = self._engine.inventory
        host = find.host(inventory, key)
        words = " ".join(words.split())
        if not words or len(words) > LONGEST_WORDS:
            hint = f"1 to {LONGEST_WORDS} characters, such as 'PSU burnt, unplugged'"
            raise Invalid("say why the host is dead", hint=hint)
        guarded = rules_by_host(self._engine.policies.bounds(inventory)).keys()
        if host.id not in guarded | self._guard.awaited:
            hint = f'such as `anypool policy add ha ha "name = {host.name}"`'
            raise Conflict(f"no policy of the kind ha guards {host.name}", hint=hint)
        self._check_silent(host.id, inventory)
        at = self._engine.vitals.moments.now()
        with self._store.writing() as tx:
            said = ha.state(tx, host.id, at, words)
        self._engine.vitals.state(said)
        if self._engine.vitals.against((said,)) is not None:
            raise Conflict(f"{host.name} showed life just now", hint="look there first")
        return said

    def release(self, by: Principal, key: str) -> Vm:
        """Let a VM that is down stay down; raise `NotFound`, or `Conflict` if it is not to run."""
        require(by, Deed.OPERATE_VM)
        self._engine.must_lead()
        vm = find.vm(self._engine.inventory, key)
        if not self._guard.release(vm.id):
            raise Conflict(f"{vm.name} is not to be started again", hint="nothing is to be done")
        return vm

    def _check_silent(self, key: HostId, inventory: Inventory) -> None:
        host = inventory.host(key)
        if host.state is HostState.UP:
            hint = "a host that answers cannot be said to be dead: evacuate it, or switch it off"
            raise Conflict(f"{host.name} answers", hint=hint)
        standing = next((one for one in self._guard.standing() if one.host == key), None)
        if standing is not None and standing.verdict.condition in ALIVE:
            paths = [one.path for one in standing.verdict.evidence if one.life_at]
            hint = f"look there first; `anypool ha show {host.name}` says what was seen"
            raise Conflict(f"{host.name} shows life: {', '.join(paths)}", hint=hint)
        switched = Capability.HOST_POWER in host.capabilities
        if switched and self._engine.vitals.read_power(key) is Power.ON:
            hint = "switch it off first, or `anypool host unset-bmc` if its BMC is wrong"
            raise Conflict(f"{host.name} has power, says its BMC", hint=hint)

    def _ground(self, inventory: Inventory) -> Ground:
        rules = rules_by_host(self._engine.policies.bounds(inventory))
        once: set[VmId] = set()
        for query in {rule.best_effort for rule in rules.values()}:
            once |= vms_matching(query, inventory)
        return Ground(
            inventory=inventory,
            rules=rules,
            fates=self._failures.fates_of_hosts() if rules else {},
            once=frozenset(once),
            leased=frozenset(key for key in rules if self._engine.vitals.leases.could_prove(key)),
        )

    def _guarded(self, vm: Vm, on: Ground) -> GuardedVm:
        return GuardedVm(vm=vm, protected=protected(vm, on), down=self._guard.down().get(vm.id))

    def _braked(self, inventory: Inventory) -> Iterable[Braked]:
        now = self._engine.vitals.moments.now()
        for bound in self._engine.policies.bounds(inventory):
            rule = bound.rule
            if not isinstance(rule, HighAvailability):
                continue
            lately = self._guard.fences.recent(rule.fences_within_s, now)
            yield Braked(
                policy=self._engine.policies.get(bound.policy),
                hosts=len(bound.hosts),
                fences=sum(host in bound.hosts for host, _ in lately),
                most=most_fences(rule, len(bound.hosts)),
                cold_left_s=self._guard.cold_left_s(rule),
            )


def _by_name(one: GuardedVm) -> tuple[str, str]:
    return one.vm.name, one.vm.id


def _is_at_risk(one: GuardedVm) -> bool:
    """Return whether a VM runs, or is to."""
    why = one.protected.why
    return one.down is not None or why is None or why.code != "ha.runs-not"


def _is_exposed(one: GuardedVm) -> bool:
    """Return whether a VM at risk is less than protected."""
    return one.down is not None or one.protected.how is not Protection.PROTECTED
