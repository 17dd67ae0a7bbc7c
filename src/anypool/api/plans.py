"""The routes of plans and operations."""

from typing import Annotated

from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter

from anypool.api.asking import By, Key, Use, Wanted, proposed
from anypool.api.differences import PlanDifferenceView, difference_view
from anypool.api.planviews import (
    Accepted,
    OperationRow,
    OperationView,
    PlanRow,
    PlanView,
    operation_row,
    operation_view,
    plan_row,
    plan_view,
)
from anypool.api.views import PageView, page_view
from anypool.service.operations import OperationInFull
from anypool.service.plans import FollowedPlan

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
    return plan_view(plan.record, services.pool.inventory(by), plan.steps, plan.corrections)


def _operation(services: Use, by: By, operation: OperationInFull) -> OperationView:
    return operation_view(operation, services.pool.inventory(by))


ROUTES = (
    list_plans,
    get_plan,
    compare_plans,
    approve_plan,
    reject_plan,
    run_plan,
    list_operations,
    get_operation,
    pause_operation,
    continue_operation,
    cancel_operation,
    skip_step,
    retry_step,
)
