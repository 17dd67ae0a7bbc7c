"""A whole pool in memory: hosts, VMs and storage that behave, and fail, as real ones do."""

from anypool.drivers.sim.connect import connect
from anypool.drivers.sim.driver import SimDriver
from anypool.drivers.sim.generate import Shape, build_world
from anypool.drivers.sim.records import BmcMood, DoubleRun, Fault, FaultKind, Loss
from anypool.drivers.sim.timing import Timing
from anypool.drivers.sim.world import World

__all__ = [
    "BmcMood",
    "DoubleRun",
    "Fault",
    "FaultKind",
    "Loss",
    "Shape",
    "SimDriver",
    "Timing",
    "World",
    "build_world",
    "connect",
]
