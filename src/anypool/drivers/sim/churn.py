"""A world that never rests: VMs that start and stop by themselves, and events that get lost."""

import random
import threading
import weakref
from collections.abc import Callable

from msgspec.structs import replace

from anypool.drivers.sim.state import State
from anypool.drivers.sim.world import World
from anypool.model import VmState

_TURN_S = 0.1


def churn(world: World, per_second: float, seed: int) -> None:
    """Let so many VMs of a world be paused or resumed in every second, as long as it lives.

    Stopped VMs stay stopped. The same seed takes the same VMs.
    """
    draw = random.Random(seed)
    owed = 0.0

    def turn(found: World) -> None:
        nonlocal owed
        owed += per_second * _TURN_S
        count, owed = int(owed), owed % 1
        with found.turn() as state:
            _pause_or_resume(state, draw, count)

    _every(_TURN_S, world, turn, "sim-churn")


def lose_events(world: World, every_s: float) -> None:
    """Let a world lose its events again and again, so that it has to be read whole."""
    _every(every_s, world, World.lose_events, "sim-loss")


def _every(seconds: float, world: World, what: Callable[[World], None], name: str) -> None:
    found = weakref.ref(world)
    rest = threading.Event()

    def run() -> None:
        while not rest.wait(seconds):
            alive = found()
            if alive is None:
                return
            what(alive)
            del alive

    threading.Thread(target=run, name=name, daemon=True).start()


def _pause_or_resume(state: State, draw: random.Random, count: int) -> None:
    """Pause or resume so many VMs, as far as a few more tries find them."""
    keys = state.all_vms()
    for vm in draw.sample(keys, min(4 * count, len(keys))):
        host = state.hosts_of(vm)[0]
        copy = state.copy(host, vm)
        if count == 0:
            return
        if copy is None or copy.vm.state not in _OTHER or state.moves.get(vm) is not None:
            continue
        state.put_copy(host, vm, replace(copy, vm=replace(copy.vm, state=_OTHER[copy.vm.state])))
        count -= 1


_OTHER = {VmState.RUNNING: VmState.PAUSED, VmState.PAUSED: VmState.RUNNING}
