"""Reassign processes to machines: the problem of the ROADEF/EURO challenge of 2012."""

from anypool.planner.reassign.compiled import COMPILED
from anypool.planner.reassign.problem import (
    Ints,
    Problem,
    check_start,
    cost,
    lower_bound,
    objections,
)
from anypool.planner.reassign.search import Found, Pace, search

__all__ = [
    "COMPILED",
    "Found",
    "Ints",
    "Pace",
    "Problem",
    "check_start",
    "cost",
    "lower_bound",
    "objections",
    "search",
]
