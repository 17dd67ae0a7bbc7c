"""The routes of rolling maintenance."""

from typing import Annotated, Any, Literal

from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta, Struct

from anypool.api.asking import By, DryRun, Key, Searched, Use
from anypool.api.language import ReasonView, reason_view, told
from anypool.api.planviews import Accepted, PlanView, operation_view, plan_view
from anypool.api.views import ListView, list_view
from anypool.api.vms import Text
from anypool.model import HostId, Inventory, OnFailure
from anypool.service import Principal, Services
from anypool.service.rollouts import Asked, Followed, Foreseen

_Seconds = Annotated[float, Meta(ge=1, le=604_800)]


class MaintainBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a pool is maintained; without `hosts` all that are neither off nor in maintenance.

    At most `max_hosts` are out of service together, and only such as share a domain of the
    kind `domain` (or bear none), unless `across`. With `put_back` VMs return afterwards; with
    `shut_down` VMs that cannot move are shut down meanwhile. A host is back when somebody says
    so, with `seen` also when it was away and is up again, within `return_s`. `hypervisor` must
    then be in what it says of its hypervisor.
    """

    hosts: Annotated[tuple[Text, ...], Meta(max_length=10_000)] = ()
    max_hosts: Annotated[int, Meta(ge=1, le=10_000)] = 1
    domain: Text = "rack"
    across: bool = False
    put_back: bool = True
    shut_down: bool = False
    seen: bool = True
    hypervisor: Text = ""
    return_s: _Seconds = 1200.0
    on_failure: Literal["stop", "retry"] = "stop"
    retries: Annotated[int, Meta(ge=0, le=1000)] = 3
    retry_after_s: _Seconds = 60.0
    ignore_failover: bool = False


class WaveView(Struct, frozen=True, kw_only=True):
    """The hosts of a wave by name; `state` is done, begun or waiting."""

    number: int
    hosts: tuple[str, ...]
    state: str


class ForecastView(Struct, frozen=True, kw_only=True):
    """What is expected; `fewest` is a number of waves that there cannot be less of."""

    waves: tuple[WaveView, ...]
    fewest: int
    plan: PlanView


class RolloutView(Struct, frozen=True, kw_only=True):
    """A rolling maintenance; `operation` is that of the wave under way, `forecast` a plan.

    `due_at` is when the next attempt begins, 0 if none waits.
    """

    id: str
    pool: str
    state: str
    by: str
    waves: tuple[WaveView, ...]
    fewest: int
    hosts_total: int
    hosts_done: int
    max_hosts: int
    plan: str | None
    operation: str | None
    forecast: str | None
    attempts: int
    due_at: float
    started_at: float
    ended_at: float
    message: str
    reason: ReasonView | None


def rollout_view(found: Followed, inventory: Inventory) -> RolloutView:
    """Return a rollout as it is shown."""
    one = found.rollout
    return RolloutView(
        id=one.id,
        pool=one.pool,
        state=one.state,
        by=one.by,
        waves=_waves(one.waves, inventory, frozenset(one.done), frozenset(one.wave)),
        fewest=one.fewest,
        hosts_total=len(one.wish.hosts),
        hosts_done=len(one.done),
        max_hosts=one.wish.max_hosts,
        plan=one.plan,
        operation=found.run,
        forecast=one.forecast,
        attempts=one.attempts,
        due_at=one.due,
        started_at=one.started_at,
        ended_at=one.ended_at,
        message=told(one.said),
        reason=reason_view(one.said),
    )


def _waves(
    waves: tuple[tuple[HostId, ...], ...],
    inventory: Inventory,
    done: frozenset[HostId] = frozenset(),
    begun: frozenset[HostId] = frozenset(),
) -> tuple[WaveView, ...]:
    known = inventory.hosts

    def state(hosts: frozenset[HostId]) -> str:
        if hosts <= done:
            return "done"
        return "begun" if hosts & begun else "waiting"

    return tuple(
        WaveView(
            number=number,
            hosts=tuple(known[one].name if one in known else one for one in hosts),
            state=state(frozenset(hosts)),
        )
        for number, hosts in enumerate(waves, 1)
    )


_FORECAST = {200: ResponseSpec(ForecastView, description="what is expected, with `dry_run`")}


@post("/pools/{key:str}/maintain", status_code=202, responses=_FORECAST, sync_to_thread=True)
def maintain_pool(
    services: Use, by: By, key: Key, data: JSONBody[MaintainBody], dry_run: DryRun = False
) -> Response[RolloutView]:
    """Maintain the hosts of a pool in waves; none begins before the last is verified."""
    asked = Asked(
        hosts=data.hosts,
        max_hosts=data.max_hosts,
        domain=data.domain,
        across=data.across,
        put_back=data.put_back,
        shut_down=data.shut_down,
        seen=data.seen,
        hypervisor=data.hypervisor,
        return_s=data.return_s,
        on_failure=OnFailure(data.on_failure),
        retries=data.retries,
        retry_after_s=data.retry_after_s,
        waive=data.ignore_failover,
    )
    return _begun(services, by, services.rollouts.maintain(by, key, asked, dry_run=dry_run))


def _begun(services: Services, by: Principal, found: Foreseen) -> Response[Any]:
    inventory = services.pool.inventory(by)
    if found.rollout is None:
        view = ForecastView(
            waves=_waves(found.waves, inventory),
            fewest=found.fewest,
            plan=plan_view(found.plan, inventory),
        )
        return Response(view, status_code=200)
    location = f"/api/v1/rollouts/{found.rollout.id}"
    shown = rollout_view(Followed(rollout=found.rollout), inventory)
    return Response(shown, status_code=202, headers={"Location": location})


@get("/rollouts", sync_to_thread=True)
def list_rollouts(services: Use, by: By, search: Searched) -> ListView[RolloutView]:
    """List rolling maintenances, the newest first."""
    inventory = services.pool.inventory(by)
    return list_view(services.rollouts.list(by, search), lambda one: rollout_view(one, inventory))


@get("/rollouts/{key:str}", sync_to_thread=True)
def get_rollout(services: Use, by: By, key: Key) -> RolloutView:
    """Show one rolling maintenance."""
    return rollout_view(services.rollouts.get(by, key), services.pool.inventory(by))


@post("/rollouts/{key:str}/pause", status_code=200, sync_to_thread=True)
def pause_rollout(services: Use, by: By, key: Key) -> RolloutView:
    """Begin nothing further; a host that is handed over stays so."""
    return rollout_view(services.rollouts.pause(by, key), services.pool.inventory(by))


@post("/rollouts/{key:str}/continue", status_code=200, sync_to_thread=True)
def continue_rollout(services: Use, by: By, key: Key) -> RolloutView:
    """Go on after a pause or a failure, with fresh attempts."""
    return rollout_view(services.rollouts.go_on(by, key), services.pool.inventory(by))


@post("/rollouts/{key:str}/cancel", status_code=200, sync_to_thread=True)
def cancel_rollout(services: Use, by: By, key: Key) -> RolloutView:
    """End it; hosts that are closed stay closed."""
    return rollout_view(services.rollouts.cancel(by, key), services.pool.inventory(by))


@post("/hosts/{key:str}/ready", status_code=202, sync_to_thread=True)
def host_is_ready(services: Use, by: By, key: Key) -> Response[Accepted]:
    """Say that a host that was handed over is serviced."""
    run = services.rollouts.ready(by, key)
    operation = services.operations.get(by, run)
    shown = operation_view(operation, services.pool.inventory(by))
    location = f"/api/v1/operations/{run}"
    return Response(Accepted(operation=shown), status_code=202, headers={"Location": location})


ROUTES = (
    maintain_pool,
    list_rollouts,
    get_rollout,
    pause_rollout,
    continue_rollout,
    cancel_rollout,
    host_is_ready,
)
