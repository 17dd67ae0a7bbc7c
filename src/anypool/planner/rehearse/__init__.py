"""A failure rehearsed on a copy of the inventory: seen, judged, proven, planned, and run there."""

from anypool.planner.rehearse.moment import Dies, Happens, Moment
from anypool.planner.rehearse.run import Ran, run, silent
from anypool.planner.rehearse.watch import Proven, Watched, watch

__all__ = ["Dies", "Happens", "Moment", "Proven", "Ran", "Watched", "run", "silent", "watch"]
