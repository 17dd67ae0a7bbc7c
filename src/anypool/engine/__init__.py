"""Where plans meet the world: observe, decide step by step, act, look again."""

from anypool.engine.engine import Engine
from anypool.engine.loads.history import Column, Series, Span
from anypool.engine.loads.load import LoadRate
from anypool.engine.observing.board import Notice, Subscription
from anypool.engine.observing.endpoints import DriverPool
from anypool.engine.records.backups import Kept, Schedule
from anypool.engine.records.retention import Standing

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
