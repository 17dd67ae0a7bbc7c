"""How to get there: pure functions from an inventory and a wish to a plan."""

from anypool.planner.evacuate import plan_evacuation
from anypool.planner.leave import plan_leave
from anypool.planner.operate import plan_action, plan_create, plan_migrate, plan_start
from anypool.planner.place import Choice, choose, pinned, refusal
from anypool.planner.serve import (
    check_across,
    in_order,
    plan_service_make,
    plan_service_start,
    plan_service_stop,
)

__all__ = [
    "Choice",
    "check_across",
    "choose",
    "in_order",
    "pinned",
    "plan_action",
    "plan_create",
    "plan_evacuation",
    "plan_leave",
    "plan_migrate",
    "plan_service_make",
    "plan_service_start",
    "plan_service_stop",
    "plan_start",
    "refusal",
]
