"""The routes of plans and operations."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct
from msgspec.structs import replace

from anypool.api.asking import By, Key, Use, Wanted, proposed
from anypool.api.differences import PlanDifferenceView, difference_view
from anypool.api.planviews import (
    Accepted,
    OperationRow,
    OperationView,
    PlanRow,
    PlanView,
    TakenOutView,
    operation_row,
    operation_view,
    plan_row,
    plan_view,
)
from anypool.api.views import PageView, page_view
from anypool.api.vms import Text
from anypool.model import Pinned, Policy
from anypool.planner.without import name_of
from anypool.service.operations import OperationInFull
from anypool.service.plans import FollowedPlan

Some = Annotated[tuple[Text, ...], Meta(max_length=1000)]
To = Annotated[str, QueryParameter(max_length=255, description="the plan to compare with")]


@get("/plans", sync_to_thread=True)
def list_plans(services: Use, by: By, ask: Wanted) -> PageView[PlanRow]:
    """List plans, newest first."""
    return page_view(services.plans.list(by, ask), plan_row)


@get("/plans/{plan:str}", sync_to_thread=True)
def get_plan(services: Use, by: By, plan: Key) -> PlanView:
    """Show one plan."""
    return _plan(services, by, services.plans.get(by, plan))


@get("/plans/{plan:str}/differences", sync_to_thread=True)
def compare_plans(services: Use, by: By, plan: Key, to: To = "") -> PlanDifferenceView:
    """Compare a plan with another one, else with the one its policy made before."""
    return difference_view(services.plans.compare(by, plan, to), services.pool.inventory(by))


@post("/plans/{plan:str}/approve", status_code=200, sync_to_thread=True)
def approve_plan(services: Use, by: By, plan: Key) -> PlanView:
    """Accept a plan without running it yet."""
    return _plan(services, by, services.plans.approve(by, plan))


@post("/plans/{plan:str}/reject", status_code=200, sync_to_thread=True)
def reject_plan(services: Use, by: By, plan: Key) -> PlanView:
    """Put a plan aside."""
    return _plan(services, by, services.plans.reject(by, plan))


@post("/plans/{plan:str}/run", status_code=202, sync_to_thread=True)
def run_plan(services: Use, by: By, plan: Key) -> Response[Accepted]:
    """Carry a plan out."""
    return proposed(services, by, services.plans.run(by, plan))


class RemakeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is taken out of a plan that is made again, by id or name."""

    without_vms: Some = ()
    without_hosts: Some = ()


@post("/plans/{plan:str}/remake", status_code=201, sync_to_thread=True)
def remake_plan(services: Use, by: By, plan: Key, data: JSONBody[RemakeBody]) -> Response[PlanView]:
    """Make a plan again from its wish on the pool of now, without some VMs and hosts."""
    made = services.remaking.plan(by, plan, vms=data.without_vms, hosts=data.without_hosts)
    view = _plan(services, by, services.plans.get(by, made.plan.id))
    return Response(view, headers={"Location": f"/api/v1/plans/{view.id}"})


@get("/operations", sync_to_thread=True)
def list_operations(services: Use, by: By, ask: Wanted) -> PageView[OperationRow]:
    """List operations, newest first."""
    return page_view(services.operations.list(by, ask), operation_row)


@get("/operations/{run:str}", sync_to_thread=True)
def get_operation(services: Use, by: By, run: Key) -> OperationView:
    """Show one operation with its steps."""
    return _operation(services, by, services.operations.get(by, run))


@post("/operations/{run:str}/pause", status_code=200, sync_to_thread=True)
def pause_operation(services: Use, by: By, run: Key) -> OperationView:
    """Let running steps finish and begin no others."""
    return _operation(services, by, services.operations.pause(by, run))


@post("/operations/{run:str}/continue", status_code=200, sync_to_thread=True)
def continue_operation(services: Use, by: By, run: Key) -> OperationView:
    """Go on after a pause."""
    return _operation(services, by, services.operations.resume(by, run))


@post("/operations/{run:str}/cancel", status_code=200, sync_to_thread=True)
def cancel_operation(services: Use, by: By, run: Key) -> OperationView:
    """Begin no more steps, and call running migrations back."""
    return _operation(services, by, services.operations.cancel(by, run))


@post("/operations/{run:str}/steps/{number:int}/skip", status_code=200, sync_to_thread=True)
def skip_step(services: Use, by: By, run: Key, number: FromPath[int]) -> OperationView:
    """Treat a step as if it were not there."""
    return _operation(services, by, services.operations.skip(by, run, number))


@post("/operations/{run:str}/steps/{number:int}/retry", status_code=200, sync_to_thread=True)
def retry_step(services: Use, by: By, run: Key, number: FromPath[int]) -> OperationView:
    """Try a step again that failed or needs a person."""
    return _operation(services, by, services.operations.retry(by, run, number))


def _plan(services: Use, by: By, plan: FollowedPlan) -> PlanView:
    view = plan_view(plan.record, services.pool.inventory(by), plan.steps, plan.corrections)
    taken = tuple(map(_taken_out, plan.taken_out))
    return replace(view, taken_out=taken, remade_from=plan.remade_from)


def _taken_out(policy: Policy) -> TakenOutView:
    return TakenOutView(
        kind="vm" if isinstance(policy.rule, Pinned) else "host", name=name_of(policy)
    )


def _operation(services: Use, by: By, operation: OperationInFull) -> OperationView:
    return operation_view(operation, services.pool.inventory(by))


ROUTES = (
    list_plans,
    get_plan,
    compare_plans,
    approve_plan,
    reject_plan,
    run_plan,
    remake_plan,
    list_operations,
    get_operation,
    pause_operation,
    continue_operation,
    cancel_operation,
    skip_step,
    retry_step,
)
