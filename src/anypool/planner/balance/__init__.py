"""Spread load: which VMs to move where so that hosts are alike, with few moves and no harm."""

from anypool.planner.balance.outcome import Move, Outcome
from anypool.planner.balance.problem import Floats, Ints, Masks, Problem
from anypool.planner.balance.score import score
from anypool.planner.balance.search import balance

__all__ = ["Floats", "Ints", "Masks", "Move", "Outcome", "Problem", "balance", "score"]
