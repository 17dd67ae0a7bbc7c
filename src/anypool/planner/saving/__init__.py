"""Hosts that are not needed are switched off, and switched on before they are needed."""

from anypool.planner.saving.load import busiest, busy
from anypool.planner.saving.order import Order
from anypool.planner.saving.prove import plan_wake_proof
from anypool.planner.saving.save import plan_saving

__all__ = ["Order", "busiest", "busy", "plan_saving", "plan_wake_proof"]
