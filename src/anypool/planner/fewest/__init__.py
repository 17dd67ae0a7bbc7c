"""The fewest hosts that carry the load curves of all VMs, and the moves that lead there."""

from anypool.planner.fewest.energy import Energy, Saving, saved
from anypool.planner.fewest.problem import Loads, Problem, Wish, loads_of, problem_of
from anypool.planner.fewest.search import Found, search
from anypool.planner.fewest.steps import Consolidated, consolidated, plan_consolidation

__all__ = [
    "Consolidated",
    "Energy",
    "Found",
    "Loads",
    "Problem",
    "Saving",
    "Wish",
    "consolidated",
    "loads_of",
    "plan_consolidation",
    "problem_of",
    "saved",
    "search",
]
