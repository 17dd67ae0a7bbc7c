"""Policies: list them, make and change them, and see how far they are kept."""

import threading
from collections import Counter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine import Engine
from anypool.engine.watching.watch import Watch
from anypool.model import (
    HOLDS_MEMORY,
    HOST_SCOPED,
    WATCHED,
    Bound,
    HostId,
    Inventory,
    Licence,
    Policy,
    PolicyId,
)
from anypool.plan import Plan, Reason
from anypool.plan.rulecheck import breaches
from anypool.planner.pack import plan_packing
from anypool.planner.rules import Rulebook, checked
from anypool.search import Noun
from anypool.service.access import Deed, Principal, require
from anypool.service.listing import searched_page
from anypool.service.names import checked_name, checked_text
from anypool.service.pages import Ask, Page
from anypool.service.proposals import Proposal, Proposals
from anypool.service.version import require_version
from anypool.store.records import Watched

_LONGEST = 500
_POOLS = 10


class Counted(Struct, frozen=True, kw_only=True):
    """A host that runs VMs of a licence: how many, on how many sockets, and if it is licensed."""

    host: str
    sockets: int
    vms: int
    licensed: bool


class Standing(Struct, frozen=True, kw_only=True):
    """A policy as it stands now: whom it binds, and what breaks it.

    `sockets` are those of the hosts that run a VM of a licence, `sockets_unknown` the hosts
    among them of which nobody says how many they have, `counted` all those hosts. `watched`
    is what is known of a policy that yields plans. `hint` says what to look at where it binds
    nothing at all.
    """

    policy: Policy
    vms: int = 0
    hosts: int = 0
    breaches: tuple[Reason, ...] = ()
    sockets: int = 0
    sockets_unknown: int = 0
    counted: tuple[Counted, ...] = ()
    watched: Watched | None = None
    hint: str = ""

    @property
    def id(self) -> PolicyId:
        """Its id, which is its name."""
        return self.policy.id


class Policies:
    """The use cases of a policy."""

    def __init__(self, engine: Engine, watch: Watch, proposals: Proposals) -> None:
        self._engine = engine
        self._watch = watch
        self._proposals = proposals
        self._changing = threading.Lock()

    def list(self, by: Principal, ask: Ask) -> Page[Standing]:
        """Return a page of the policies that match; raise `Invalid` for a bad query."""
        require(by, Deed.READ)
        return searched_page(self._engine.inventory, Noun.POLICY, self._standings(), ask)

    def get(self, by: Principal, key: str) -> Standing:
        """Return one policy; raise `NotFound`."""
        require(by, Deed.READ)
        wanted = self._engine.policies.get(PolicyId(key))
        return next(one for one in self._standings() if one.id == wanted.id)

    def add(self, by: Principal, policy: Policy) -> Standing:
        """Keep a new policy; raise `Invalid`, or `Conflict` if it contradicts others."""
        require(by, Deed.MANAGE_POLICIES)
        self._engine.policies.put(_sound(policy), by.name, new=True)
        self._watch.wake()
        return self.get(by, policy.id)

    def change(
        self, by: Principal, key: str, changes: dict[str, Any], expected: str | None = None
    ) -> Standing:
        """Replace some fields of a policy; raise `NotFound`, `Stale`, and what `add` raises."""
        require(by, Deed.MANAGE_POLICIES)
        with self._changing:
            old = self._engine.policies.get(PolicyId(key))
            require_version(old, expected)
            self._engine.policies.put(_sound(replace(old, **changes)), by.name, new=False)
        self._watch.wake()
        return self.get(by, key)

    def remove(self, by: Principal, key: str) -> None:
        """Forget a policy; raise `NotFound`."""
        require(by, Deed.MANAGE_POLICIES)
        self._engine.policies.remove(PolicyId(key), by.name)
        self._watch.wake()

    def pack(self, by: Principal, key: str, *, dry_run: bool, waive: bool = False) -> Proposal:
        """Move the VMs of a licence onto fewer sockets; raise `NotFound`, `Invalid` for others."""
        require(by, Deed.OPERATE_HOST)
        wanted = self._engine.policies.get(PolicyId(key)).id

        def plan(inventory: Inventory, rules: Rulebook) -> Plan:
            return plan_packing(inventory, wanted, rules)

        return self._proposals.propose(by, Deed.OPERATE_HOST, plan, dry_run=dry_run, waive=waive)

    def _standings(self) -> tuple[Standing, ...]:
        inventory = self._engine.inventory
        bounds = {one.policy: one for one in self._engine.policies.bounds(inventory)}
        found = breaches(inventory, tuple(bounds.values()))
        return tuple(
            replace(
                _standing(policy, bounds.get(policy.id), found.get(policy.id, ()), inventory),
                watched=self._watched(policy),
            )
            for policy in self._engine.policies.all()
        )

    def _watched(self, policy: Policy) -> Watched | None:
        watches = policy.enabled and isinstance(policy.rule, WATCHED)
        return self._watch.standing(policy.id) if watches else None


def _standing(
    policy: Policy, bound: Bound | None, broken: tuple[Reason, ...], inventory: Inventory
) -> Standing:
    if bound is None:
        return Standing(policy=policy)
    counted = _counted(bound, inventory) if isinstance(policy.rule, Licence) else ()
    return Standing(
        policy=policy,
        vms=len(bound.vms),
        hosts=len(bound.hosts),
        breaches=broken,
        sockets=sum(one.sockets for one in counted),
        sockets_unknown=sum(not one.sockets for one in counted),
        counted=counted,
        hint="" if bound.vms or bound.hosts else _hint(policy, inventory),
    )


def _hint(policy: Policy, inventory: Inventory) -> str:
    """Return what to look at where a policy binds nothing: most often a name is wrong."""
    noun = "host" if isinstance(policy.rule, HOST_SCOPED) else "VM"
    said = f"no {noun} matches {policy.scope!r} now"
    pools = sorted({host.pool for host in inventory.hosts.values()})
    if not pools:
        return f"{said}; there is no host yet"
    named = ", ".join(pools[:_POOLS]) + (", ..." if len(pools) > _POOLS else "")
    return f"{said}; the pools are called: {named}"


def _counted(bound: Bound, inventory: Inventory) -> tuple[Counted, ...]:
    """Return each host that runs VMs of a licence, by name."""
    there: Counter[HostId] = Counter()
    for key in bound.vms:
        vm = inventory.vms[key]
        if vm.host is not None and vm.host in inventory.hosts and vm.state in HOLDS_MEMORY:
            there[vm.host] += 1
    found = (
        Counted(
            host=inventory.hosts[key].name,
            sockets=inventory.hosts[key].sockets,
            vms=count,
            licensed=key in bound.hosts,
        )
        for key, count in there.items()
    )
    return tuple(sorted(found, key=lambda one: one.host))


def _sound(policy: Policy) -> Policy:
    checked_name(policy.id, "a policy")
    checked_text(policy.description, "description", _LONGEST)
    return checked(policy)
