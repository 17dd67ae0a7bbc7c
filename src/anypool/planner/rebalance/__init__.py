"""From an inventory, its rules and its loads to a plan of moves that make hosts alike."""

from anypool.planner.rebalance.numbers import NETWORK, Numbers, Weights, numbers_of
from anypool.planner.rebalance.search import Aim, Found, rebalance
from anypool.planner.rebalance.steps import Rebalanced, plan_rebalance, rebalanced
from anypool.planner.rebalance.uneven import Uneven, uneven

__all__ = [
    "NETWORK",
    "Aim",
    "Found",
    "Numbers",
    "Rebalanced",
    "Uneven",
    "Weights",
    "numbers_of",
    "plan_rebalance",
    "rebalance",
    "rebalanced",
    "uneven",
]
