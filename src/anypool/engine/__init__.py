"""Where plans meet the world: observe, decide step by step, act, look again."""

from anypool.engine.backups import Kept, Schedule
from anypool.engine.board import Notice, Subscription
from anypool.engine.endpoints import DriverPool
from anypool.engine.engine import Engine
from anypool.engine.history import Column, Series, Span
from anypool.engine.load import LoadRate
from anypool.engine.retention import Standing

__all__ = [
    "Column",
    "DriverPool",
    "Engine",
    "Kept",
    "LoadRate",
    "Notice",
    "Schedule",
    "Series",
    "Span",
    "Standing",
    "Subscription",
]
