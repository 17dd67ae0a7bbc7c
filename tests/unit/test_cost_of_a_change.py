"""A change costs its own size: ten times the pool is not ten times the work, counted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock, SystemClock
from anypool.drivers.base import BaseDriver
from anypool.engine.observing.board import Board
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.saver import Saver
from anypool.errors import Unreachable
from anypool.model import (
    Datastore,
    DatastoreId,
    Endpoint,
    EndpointId,
    Frame,
    Network,
    Vm,
    VmId,
    VmState,
)
from anypool.store import Store
from anypool.store.records import HostFacts, VmFacts
from tests.strategies import NETWORK, SHARED, host, vm
from tests.unit.cost import cost

SMALL, LARGE = 200, 2000
MOST = 1.25
PER_HOST = 10


class Scene:
    """A pool of single hosts; the last one is silent."""

    def __init__(self, vms: int) -> None:
        self.picture = Picture(Ours())
        self.board = Board()
        self.observer = Observer(self.picture, self.board, ManualClock())
        self.subscription = self.board.subscribe()
        for number in range(vms // PER_HOST):
            self.observer.add(endpoint(number), BaseDriver())
            self.read(number)
        self.observer.lost(endpoint(number).id, Unreachable("silent"))
        self.turns = 0

    def read(self, number: int) -> None:
        self.observer.take(endpoint(number), full(number))

    def say(self, *vms: Vm, missing: tuple[VmId, ...] = ()) -> None:
        self.observer.take(endpoint(0), Frame(full=False, vms=vms, missing=missing))

    def turn(self) -> VmState:
        """Return another state each time, so that there is a change whenever it is said."""
        self.turns += 1
        return (VmState.RUNNING, VmState.PAUSED)[self.turns % 2]


def endpoint(number: int) -> Endpoint:
    return Endpoint(id=EndpointId(f"e{number}"), driver="sim", uri=f"sim://x/h{number}")


def full(number: int) -> Frame:
    here = host(number)
    by = frozenset({here.endpoint})
    local = DatastoreId(f"local-{here.id}")
    stores = (
        Datastore(id=local, name="local", endpoints=by),
        Datastore(id=SHARED, name="shared", endpoints=by),
    )
    vms = range(number * PER_HOST, (number + 1) * PER_HOST)
    return Frame(
        full=True,
        hosts=(here,),
        vms=tuple(vm(one, here.id) for one in vms),
        datastores=stores,
        networks=(Network(id=NETWORK, name="data", endpoints=by),),
    )


def a_state(scene: Scene) -> None:
    scene.say(vm(3, "h0", state=scene.turn()))


def a_vanished_vm(scene: Scene) -> None:
    scene.say(vm(4, "h0"))
    scene.say(missing=(VmId("v4"),))


def a_change_while_others_are_missed(scene: Scene) -> None:
    missed = tuple(VmId(f"v{number}") for number in range(5, 9))
    scene.say(missing=missed)
    a_state(scene)


def a_whole_reading(scene: Scene) -> None:
    frame = full(1)
    first = replace(frame.vms[0], state=scene.turn())
    scene.observer.take(endpoint(1), replace(frame, vms=(first, *frame.vms[1:])))


def tags_of_a_vm(scene: Scene) -> None:
    facts = VmFacts(vm=VmId("v3"), tags=frozenset({scene.turn()}))
    scene.observer.change(lambda picture: picture.put_vm_facts(facts))


def tags_of_a_host(scene: Scene) -> None:
    facts = HostFacts(host=host(0).id, tags=frozenset({scene.turn()}))
    scene.observer.change(lambda picture: picture.put_host_facts(facts))


@pytest.fixture(scope="module")
def scenes() -> tuple[Scene, Scene]:
    return Scene(SMALL), Scene(LARGE)


def test_writing_a_change_down_costs_its_own_size(
    scenes: tuple[Scene, Scene], tmp_path: Path
) -> None:
    costs = []
    for number, scene in enumerate(scenes):
        store = Store.open(f"sqlite:///{tmp_path}/{number}.db", clock=SystemClock())
        saver = Saver(store, scene.board)
        scene.observer.changed = saver.note

        def write(scene: Scene = scene, saver: Saver = saver) -> None:
            a_state(scene)
            saver.save()

        write()
        costs.append(cost(write))
        scene.observer.changed = lambda _: None
        store.close()
    small, large = costs
    assert large.operations <= MOST * small.operations
    assert large.peak_bytes <= MOST * small.peak_bytes


@pytest.mark.parametrize(
    "change",
    [
        a_state,
        a_vanished_vm,
        a_change_while_others_are_missed,
        a_whole_reading,
        tags_of_a_vm,
        tags_of_a_host,
    ],
)
def test_a_change_costs_its_own_size(
    change: Callable[[Scene], None], scenes: tuple[Scene, Scene]
) -> None:
    for scene in scenes:
        change(scene)
    before = [scene.board.version for scene in scenes]
    small, large = (cost(lambda scene=scene: change(scene)) for scene in scenes)
    assert [scene.board.version for scene in scenes] > before
    assert large.operations <= MOST * small.operations
    assert large.peak_bytes <= MOST * small.peak_bytes
