"""One pool out of what many endpoints say: what is shown, and what never is."""

import pytest
from msgspec.structs import replace

from anypool.engine.observing.board import Notice
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.model import (
    Datastore,
    Endpoint,
    EndpointId,
    Frame,
    HostId,
    HostState,
    Locking,
    StateReason,
    Vm,
    VmId,
    VmState,
)
from anypool.store.records import DatastoreFacts, HostFacts, LastKnown, VmFacts
from tests.unit.engine_kit import H1, H2, H3, SHARED, V1, V2, host, vm

NOBODY: frozenset[VmId] = frozenset()


def endpoint(place: HostId) -> Endpoint:
    return Endpoint(id=EndpointId(f"e-{place}"), driver="sim", uri=f"sim://x/{place}")


class Scene:
    """A picture and endpoints that speak."""

    def __init__(self) -> None:
        self.picture = Picture(Ours())
        for place in (H1, H2, H3):
            self.whole(place)

    def whole(self, place: HostId, *vms: Vm, moment: int | None = None, moving=NOBODY):  # type: ignore[no-untyped-def]
        where = endpoint(place).id
        store = Datastore(id=SHARED, name="shared", endpoints=frozenset({where}))
        frame = Frame(full=True, hosts=(host(place),), vms=vms, datastores=(store,))
        moment = self.picture.moment() if moment is None else moment
        return self.picture.apply(endpoint(place), frame, moment, moving)

    def part(self, place: HostId, *vms: Vm, missing=(), moment: int | None = None):  # type: ignore[no-untyped-def]
        frame = Frame(full=False, vms=vms, missing=missing)
        moment = self.picture.moment() if moment is None else moment
        return self.picture.apply(endpoint(place), frame, moment, NOBODY)

    def shown(self, name: VmId = V1) -> tuple[HostId | None, VmState] | None:
        found = self.picture.inventory.vms.get(name)
        return None if found is None else (found.host, found.state)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_running_copy_is_the_vm_and_others_are_its_copies(scene: Scene) -> None:
    waiting = replace(vm(V1, H2, VmState.PAUSED), reason=StateReason.INCOMING)
    scene.whole(H2, waiting)
    scene.whole(H1, vm(V1, H1))
    scene.whole(H3, vm(V1, H3, VmState.STOPPED))
    assert scene.shown() == (H1, VmState.RUNNING)
    assert len(scene.picture.inventory.vms) == 1
    copies = scene.picture.inventory.vms[V1].copies
    assert [(copy.host, copy.state) for copy in copies] == [
        (H2, VmState.PAUSED),
        (H3, VmState.STOPPED),
    ]
    assert scene.picture.inventory.claims[H1].memory_mib == 512


def test_whoever_does_not_answer_is_unknown_and_never_stopped(scene: Scene) -> None:
    scene.whole(H1, vm(V1), vm(V2, H1, VmState.STOPPED))
    delta = scene.picture.lose(endpoint(H1).id)
    assert scene.shown(V1) == (H1, VmState.UNKNOWN)
    assert scene.shown(V2) == (H1, VmState.UNKNOWN)
    assert scene.picture.inventory.hosts[H1].state is HostState.UNKNOWN
    assert Notice("host", H1) in delta.notices
    assert scene.picture.inventory.hosts[H2].state is HostState.UP
    scene.whole(H1, vm(V1))
    assert scene.shown(V1) == (H1, VmState.RUNNING)


def test_answer_that_a_later_silence_overtook_says_nothing_of_now(scene: Scene) -> None:
    slow, quick = scene.picture.moment(), scene.picture.moment()
    scene.picture.lose(endpoint(H1).id, quick)
    scene.whole(H1, vm(V1), moment=slow)
    assert scene.picture.inventory.hosts[H1].state is HostState.UNKNOWN
    scene.whole(H1, vm(V1))
    assert scene.picture.inventory.hosts[H1].state is HostState.UP


def test_a_running_copy_wins_over_one_that_may_run(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    scene.picture.lose(endpoint(H1).id)
    scene.whole(H2, vm(V1, H2))
    assert scene.shown() == (H2, VmState.RUNNING)
    assert scene.picture.inventory.vms[V1].copies[0].state is VmState.UNKNOWN


def test_one_that_may_run_wins_over_one_that_is_stopped(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    scene.whole(H2, vm(V1, H2, VmState.STOPPED))
    scene.picture.lose(endpoint(H1).id)
    assert scene.shown() == (H1, VmState.UNKNOWN)


def test_an_old_definition_does_not_hide_a_known_one(scene: Scene) -> None:
    scene.whole(H1, vm(V1, H1, VmState.STOPPED))
    scene.whole(H2, vm(V1, H2, VmState.STOPPED))
    scene.picture.lose(endpoint(H1).id)
    assert scene.shown() == (H2, VmState.STOPPED)


def test_a_copy_that_is_gone_when_its_host_comes_back_is_forgotten(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    scene.whole(H2, replace(vm(V1, H2, VmState.PAUSED), reason=StateReason.INCOMING))
    scene.picture.lose(endpoint(H1).id)
    scene.whole(H2, vm(V1, H2))
    assert [copy.host for copy in scene.picture.inventory.vms[V1].copies] == [H1]
    scene.whole(H1)
    assert scene.picture.inventory.vms[V1].copies == ()


def test_a_slow_reading_does_not_overwrite_a_later_one(scene: Scene) -> None:
    early = scene.picture.moment()
    scene.part(H2, vm(V1, H2))
    scene.whole(H2, moment=early)
    assert scene.shown() == (H2, VmState.RUNNING)
    scene.whole(H1, vm(V1), moment=early)
    scene.part(H1, missing=(V1,))
    assert scene.shown() == (H2, VmState.RUNNING)


def test_a_vm_that_is_gone_is_removed_and_told_of(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    delta = scene.whole(H1)
    assert scene.shown() is None
    assert [one.id for one in delta.vanished] == [V1]
    assert scene.picture.inventory.claims[H1].vms == frozenset()


def test_a_vm_that_may_be_elsewhere_is_not_given_up(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    scene.picture.lose(endpoint(H2).id)
    assert scene.whole(H1).vanished == ()
    assert scene.shown() == (H1, VmState.UNKNOWN)
    delta = scene.whole(H2)
    assert [one.id for one in delta.vanished] == [V1], "now nobody can have it"


def test_a_vm_that_migrates_is_not_given_up(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    assert scene.whole(H1, moving=frozenset({V1})).vanished == ()
    assert scene.shown() == (H1, VmState.UNKNOWN)
    scene.part(H2, vm(V1, H2))
    assert scene.shown() == (H2, VmState.RUNNING)


def test_a_silent_host_without_its_disks_cannot_have_it(scene: Scene) -> None:
    far = replace(host(H3), datastores=frozenset())
    frame = Frame(full=True, hosts=(far,))
    scene.picture.apply(endpoint(H3), frame, scene.picture.moment(), NOBODY)
    scene.picture.lose(endpoint(H3).id)
    scene.whole(H1, vm(V1))
    assert [one.id for one in scene.whole(H1).vanished] == [V1]


def test_what_we_deleted_is_gone_even_while_others_are_silent(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    scene.picture.lose(endpoint(H2).id)
    scene.part(H1, missing=(V1,))
    assert scene.shown() == (H1, VmState.UNKNOWN)
    scene.picture.deleted(V1)
    assert scene.shown() is None


def test_after_a_restart_the_last_known_is_shown_as_unknown() -> None:
    picture = Picture(Ours(hosts={H1: HostFacts(host=H1, maintenance=True)}))
    picture.remember(LastKnown(hosts=(host(H1), host(H2)), vms=(vm(V1), vm(V2, H2))))
    assert {v.state for v in picture.inventory.vms.values()} == {VmState.UNKNOWN}
    assert {h.state for h in picture.inventory.hosts.values()} == {HostState.UNKNOWN}
    assert picture.inventory.hosts[H1].maintenance
    frame = Frame(full=True, hosts=(host(H1),), vms=(vm(V1),))
    picture.apply(endpoint(H1), frame, picture.moment(), NOBODY)
    assert picture.inventory.vms[V1].state is VmState.RUNNING
    assert picture.inventory.vms[V2].state is VmState.UNKNOWN


def test_what_is_ours_is_laid_over(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    scene.picture.put_host_facts(
        HostFacts(host=H1, maintenance=True, reserved_mib=64, name="big", tags=frozenset({"a"}))
    )
    scene.picture.put_vm_facts(VmFacts(vm=V1, tags=frozenset({"prod"})))
    scene.picture.put_datastore_facts(DatastoreFacts(datastore=SHARED, locking=Locking.EFFECTIVE))
    scene.whole(H1, vm(V1))
    inventory = scene.picture.inventory
    assert inventory.hosts[H1].name == "big"
    assert inventory.hosts[H1].maintenance
    assert inventory.vms[V1].tags == {"prod"}
    assert inventory.datastores[SHARED].locking is Locking.EFFECTIVE
    assert inventory.datastores[SHARED].endpoints == {endpoint(h).id for h in (H1, H2, H3)}


def test_an_unchanged_reading_changes_nothing(scene: Scene) -> None:
    scene.whole(H1, vm(V1))
    before = scene.picture.inventory
    assert scene.whole(H1, vm(V1)).notices == frozenset()
    assert scene.picture.inventory is before


def test_a_forgotten_endpoint_takes_its_hosts_and_vms_along(scene: Scene) -> None:
    scene.whole(H1, vm(V1), vm(V2))
    scene.whole(H2, vm(V2, H2, VmState.STOPPED))
    scene.picture.forget(endpoint(H1).id)
    inventory = scene.picture.inventory
    assert set(inventory.hosts) == {H2, H3}
    assert set(inventory.vms) == {V2}
    assert inventory.vms[V2].host == H2
    assert inventory.datastores[SHARED].endpoints == {endpoint(h).id for h in (H2, H3)}


def test_a_copy_that_was_left_behind_is_not_the_one_that_is_shown(scene: Scene) -> None:
    scene.whole(H1, replace(vm(V1, H1, VmState.STOPPED), reason=StateReason.MIGRATED))
    assert scene.shown() == (H1, VmState.STOPPED)
    scene.whole(H2, vm(V1, H2, VmState.STOPPED))
    assert scene.shown() == (H2, VmState.STOPPED)


def test_silence_to_a_question_of_before_ends_no_answer_of_after(scene: Scene) -> None:
    asked = scene.picture.moment()
    scene.whole(H1, vm(V1, H1))
    scene.picture.lose(endpoint(H1).id, asked)
    assert scene.shown() == (H1, VmState.RUNNING)
    scene.picture.lose(endpoint(H1).id, scene.picture.moment())
    assert scene.shown() == (H1, VmState.UNKNOWN)
