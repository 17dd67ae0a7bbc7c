"""Where plans meet the world: observe, decide step by step, act, look again."""

from anypool.engine.board import Notice, Subscription
from anypool.engine.engine import DriverPool, Engine
from anypool.engine.load import LoadRate

__all__ = ["DriverPool", "Engine", "LoadRate", "Notice", "Subscription"]
