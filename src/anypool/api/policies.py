"""The routes of policies."""

from typing import Annotated

from litestar import Response, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from anypool.api.asking import (
    PREVIEW,
    By,
    IfMatch,
    Key,
    Room,
    Use,
    Wanted,
    expected,
    proposed,
    tagged,
)
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.planviews import Accepted, PlanRow, plan_row
from anypool.api.views import PageView, page_view, time_or_none
from anypool.api.vms import Text
from anypool.model import Policy, PolicyId, Rule, Strength
from anypool.service.policies import Standing
from anypool.store.records import Watched

Since = Annotated[
    float,
    QueryParameter(description="seconds since 1970; below 0, so many seconds before now"),
]


class NewPolicyBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy to add; `scope` is a query for VMs, or for hosts where the rule is of hosts."""

    name: Text
    scope: Annotated[str, Meta(max_length=2000)]
    rule: Rule
    strength: Strength = Strength.MUST
    enabled: bool = True
    description: Text = ""


class PolicyPatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a policy; what is left out stays."""

    scope: Annotated[str, Meta(max_length=2000)] | None = None
    rule: Rule | None = None
    strength: Strength | None = None
    enabled: bool | None = None
    description: Text | None = None


class BreachView(Struct, frozen=True, kw_only=True):
    """How a policy is broken now, in words and as a value."""

    why: str
    reason: ReasonView | None


class WatchedView(Struct, frozen=True, kw_only=True):
    """What is known of a policy that yields plans; `plan` is the one that `why` is about.

    `percent` is the imbalance when it was looked at last, `uneven_since` null while it is
    small enough.
    """

    percent: float
    uneven_since: float | None
    why: str
    reason: ReasonView | None
    plan: str | None


class ReportView(Struct, frozen=True, kw_only=True):
    """What a policy did, or in shadow would have done; `states` counts its plans.

    `moved` is how many migrations each plan did, by its id, if it ran or would have run;
    `moves` is their sum, `vms` how many VMs that were. `copy_bytes` and the longest
    `pause_ms` are what those plans quoted. `more` says that only the newest thousand plans
    are counted.
    """

    policy: str
    since: float
    until: float
    states: dict[str, int]
    moved: dict[str, int]
    moves: int
    vms: int
    copy_bytes: int
    pause_ms: int
    more: bool
    plans: tuple[PlanRow, ...]


class CountedView(Struct, frozen=True, kw_only=True):
    """A host that runs VMs of a licence: how many, on how many sockets, and if it is licensed."""

    host: str
    sockets: int
    vms: int
    licensed: bool


class PolicyView(Struct, frozen=True, kw_only=True):
    """A policy as it stands: whom it binds now, and what breaks it.

    `sockets` are those of the hosts that run a VM of a licence, `sockets_unknown` the hosts
    among them of which nobody says how many they have, `counted` those hosts one by one. `hint`
    says what to look at where it binds nothing, "" where it binds something or is disabled.
    """

    id: str
    scope: str
    rule: Rule
    strength: Strength
    enabled: bool
    description: str
    vms: int
    hosts: int
    breaches: tuple[BreachView, ...]
    sockets: int
    sockets_unknown: int
    counted: tuple[CountedView, ...]
    watched: WatchedView | None
    hint: str


def policy_view(known: Standing) -> PolicyView:
    """Return a policy as it is shown."""
    policy = known.policy
    return PolicyView(
        id=policy.id,
        scope=policy.scope,
        rule=policy.rule,
        strength=policy.strength,
        enabled=policy.enabled,
        description=policy.description,
        vms=known.vms,
        hosts=known.hosts,
        breaches=tuple(BreachView(why=told(w), reason=reason_view(w)) for w in known.breaches),
        sockets=known.sockets,
        sockets_unknown=known.sockets_unknown,
        counted=tuple(
            CountedView(host=one.host, sockets=one.sockets, vms=one.vms, licensed=one.licensed)
            for one in known.counted
        ),
        watched=None if known.watched is None else _watched(known.watched),
        hint=known.hint,
    )


def _watched(known: Watched) -> WatchedView:
    return WatchedView(
        percent=known.percent,
        uneven_since=time_or_none(known.since),
        why=told(known.said),
        reason=reason_view(known.said),
        plan=known.plan,
    )


@get("/policies", sync_to_thread=True)
def list_policies(services: Use, by: By, ask: Wanted) -> PageView[PolicyView]:
    """List policies, each with whom it binds and what breaks it now."""
    return page_view(services.policies.list(by, ask), policy_view)


@post("/policies", status_code=201, sync_to_thread=True)
def add_policy(services: Use, by: By, data: JSONBody[NewPolicyBody]) -> Response[PolicyView]:
    """Add a policy; it is refused if it and others cannot all be kept."""
    policy = Policy(
        id=PolicyId(data.name),
        scope=data.scope,
        rule=data.rule,
        strength=data.strength,
        enabled=data.enabled,
        description=data.description,
    )
    known = services.policies.add(by, policy)
    headers = {"Location": f"/api/v1/policies/{known.id}"}
    return Response(policy_view(known), headers=headers)


@get("/policies/{key:str}", sync_to_thread=True)
def get_policy(services: Use, by: By, key: Key) -> Response[PolicyView]:
    """Show one policy."""
    known = services.policies.get(by, key)
    return tagged(policy_view(known), known.policy)


@patch("/policies/{key:str}", sync_to_thread=True)
def change_policy(
    services: Use, by: By, key: Key, data: JSONBody[PolicyPatch], if_match: IfMatch = None
) -> Response[PolicyView]:
    """Change a policy; it is refused if it and others cannot all be kept."""
    changes = {
        name: new for name in data.__struct_fields__ if (new := getattr(data, name)) is not None
    }
    known = services.policies.change(by, key, changes, expected(if_match))
    return tagged(policy_view(known), known.policy)


@delete("/policies/{key:str}", sync_to_thread=True)
def remove_policy(services: Use, by: By, key: Key) -> None:
    """Forget a policy."""
    services.policies.remove(by, key)


@post("/policies/{key:str}/pack", status_code=202, responses=PREVIEW, sync_to_thread=True)
def pack_policy(services: Use, by: By, key: Key, room: Room) -> Response[Accepted]:
    """Move the VMs of a licence together, so that fewer processor sockets are in use."""
    proposal = services.policies.pack(by, key, dry_run=room.dry_run, waive=room.waive)
    return proposed(services, by, proposal)


@get("/policies/{key:str}/report", sync_to_thread=True)
def report_policy(services: Use, by: By, key: Key, since: Since = -30 * 86_400.0) -> ReportView:
    """Tell what a policy did since a moment, or would have done in shadow."""
    report = services.reports.policy(by, key, since)
    return ReportView(
        policy=report.policy,
        since=report.since,
        until=report.until,
        states=report.states,
        moved={str(plan): count for plan, count in report.moved.items()},
        moves=report.moves,
        vms=report.vms,
        copy_bytes=report.copy_bytes,
        pause_ms=report.pause_ms,
        more=report.more,
        plans=tuple(map(plan_row, report.plans)),
    )


ROUTES = (
    list_policies,
    add_policy,
    pack_policy,
    get_policy,
    change_policy,
    remove_policy,
    report_policy,
)
