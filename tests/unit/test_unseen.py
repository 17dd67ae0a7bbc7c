"""What a host that answers without a VM says, and what it does not: where else that may run."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from anypool.engine.ha.charges import is_silent
from anypool.engine.observing.board import Notice
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.model import (
    DatastoreId,
    Disk,
    HostId,
    HostState,
    Means,
    PowerOff,
    Profile,
    ProfileId,
    ServerId,
    StateReason,
    VmCopy,
    VmState,
)
from anypool.planner.ha.astray import (
    MOST,
    SEEN_S,
    Astray,
    Last,
    by_vm,
    could_have,
    seen_to_the_end,
)
from anypool.store.records import LastKnown
from tests.unit.engine_kit import H1, H2, H3, V1, host, pool, vm
from tests.unit.test_engine_merge import Scene, endpoint

STOPPED = vm(V1, H1, VmState.STOPPED)
LENT = Profile(id=ProfileId("p1"), name="db", server=ServerId(H2), epoch=1, means=Means.NETBOOT)
"""What the server of the second host is, instead of a host."""


def silent(scene: Scene, *places: object) -> Scene:
    for place in places:
        scene.picture.lose(endpoint(place).id)  # type: ignore[arg-type]
    return scene


def unseen(scene: Scene) -> bool:
    return scene.picture.inventory.vms[V1].unseen


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.whole(H1, vm(V1))
    return made


def test_vm_that_was_seen_to_end_is_nowhere_else(scene: Scene) -> None:
    silent(scene, H2)
    scene.part(H1, STOPPED)
    assert not unseen(scene)


def test_vm_that_is_stopped_after_its_host_was_away_ended_unseen(scene: Scene) -> None:
    silent(scene, H1, H2)
    scene.whole(H1, STOPPED)
    assert unseen(scene)
    assert scene.shown() == (H1, VmState.STOPPED)


def test_vm_that_its_host_says_has_crashed_was_there_to_the_end(scene: Scene) -> None:
    silent(scene, H1, H2)
    scene.whole(H1, vm(V1, H1, VmState.CRASHED))
    assert not unseen(scene)


def test_vm_that_its_host_says_was_migrated_may_be_anywhere(scene: Scene) -> None:
    silent(scene, H2)
    scene.part(H1, replace(STOPPED, reason=StateReason.MIGRATED))
    assert unseen(scene)
    scene.part(H1, STOPPED)
    assert unseen(scene), "that it is stopped still is no news"


def test_vm_that_a_host_answers_without_ended_unseen(scene: Scene) -> None:
    silent(scene, H2)
    scene.part(H1, missing=(V1,))
    assert (scene.shown(), unseen(scene)) == ((H1, VmState.UNKNOWN), True)
    silent(scene, H1)
    assert unseen(scene)


def test_vm_that_was_leaving_when_its_host_fell_silent_may_be_gone(scene: Scene) -> None:
    leaving = replace(vm(V1, H1, VmState.PAUSED), reason=StateReason.MIGRATING)
    scene.part(H1, leaving)
    silent(scene, H1)
    assert unseen(scene)


def test_vm_that_is_gone_from_where_it_ran_ended_unseen_whatever_old_copies_are_left(
    scene: Scene,
) -> None:
    scene.whole(H2, vm(V1, H2, VmState.STOPPED))
    silent(scene, H3)
    scene.whole(H1)
    assert scene.shown() == (H2, VmState.STOPPED)
    assert unseen(scene)


def test_vm_that_is_gone_from_where_it_ran_is_not_the_paused_copy_that_a_migration_left(
    scene: Scene,
) -> None:
    left = vm(V1, H2, VmState.PAUSED)
    scene.whole(H2, left)
    silent(scene, H3)
    scene.whole(H1)
    assert (scene.shown(), unseen(scene)) == ((H2, VmState.PAUSED), True)
    scene.part(H2, left)
    assert unseen(scene), "that it is paused still is no news"
    scene.part(H2, vm(V1, H2))
    assert not unseen(scene)


@pytest.mark.parametrize("heard_first", [H1, H2])
@pytest.mark.parametrize("gap", ["none", "silence", "restart"])
def test_vm_that_was_paused_to_leave_may_have_run_on_unheard_and_been_moved_elsewhere(
    scene: Scene, heard_first: HostId, gap: str
) -> None:
    """Heard all the time, a source that is paused and then gone has given the VM away."""
    left = vm(V1, H2, VmState.PAUSED)
    scene.whole(H2, left)
    leaving = replace(vm(V1, H1, VmState.PAUSED), reason=StateReason.MIGRATING)
    scene.part(H1, leaving)
    silent(scene, H3)
    if gap == "silence":
        silent(scene, H1, H2)
    if gap == "restart":
        copies = (VmCopy(host=H2, state=VmState.UNKNOWN),)
        hosts = tuple(scene.picture.inventory.hosts.values())
        scene.picture = Picture(Ours())
        scene.picture.remember(LastKnown(hosts=hosts, vms=(replace(leaving, copies=copies),)))
    said = {H1: (), H2: (left,)}
    scene.whole(heard_first, *said.pop(heard_first))
    for place, vms in said.items():
        scene.whole(place, *vms)
    assert (scene.shown(), unseen(scene)) == ((H2, VmState.PAUSED), gap != "none")


def test_vm_that_was_migrated_unheard_is_astray_whatever_old_copy_is_shown_until_it_runs(
    scene: Scene,
) -> None:
    """It ran on H2, left its definition there, and another one is on H1 from before."""
    scene.whole(H1, STOPPED)
    scene.whole(H2, vm(V1, H2))
    silent(scene, H3)
    left = replace(vm(V1, H2, VmState.STOPPED), reason=StateReason.MIGRATED)
    scene.part(H2, left)
    assert scene.shown() == (H1, VmState.STOPPED)
    assert scene.picture.inventory.vms[V1].is_astray
    assert not seen_to_the_end(scene.picture.inventory.vms[V1], lambda _: Last(), 100.0)
    kept = scene.picture.inventory
    scene.picture = Picture(Ours())
    scene.picture.remember(LastKnown(hosts=tuple(kept.hosts.values()), vms=(kept.vms[V1],)))
    scene.whole(H2, replace(left, reason=StateReason.NONE))
    scene.whole(H1, STOPPED)
    assert scene.picture.inventory.vms[V1].is_astray
    scene.whole(H3, vm(V1, H3))
    silent(scene, H3)
    assert not scene.picture.inventory.vms[V1].is_astray


@pytest.mark.parametrize("elsewhere", [False, True])
def test_vm_that_is_gone_from_where_it_ran_last_is_not_where_it_ran_before(
    scene: Scene, *, elsewhere: bool
) -> None:
    """H1 had died with it, and it ran on H2 since; or it runs on H1 since H2 was silent."""
    if elsewhere:
        scene.whole(H2, vm(V1, H2))
        silent(scene, H1)
        scene.part(H2, vm(V1, H2))
    else:
        scene.whole(H2, vm(V1, H2))
        silent(scene, H2)
        scene.part(H1, vm(V1))
    last, before = (H2, H1) if elsewhere else (H1, H2)
    silent(scene, H3, last)
    scene.whole(last)
    assert scene.shown() == (before, VmState.UNKNOWN)
    assert unseen(scene)


def test_vm_that_ran_elsewhere_since_is_last_known_there(scene: Scene) -> None:
    scene.whole(H2, vm(V1, H2))
    silent(scene, H1, H2)
    assert scene.shown() == (H2, VmState.UNKNOWN)
    scene.whole(H1)
    assert scene.shown() == (H2, VmState.UNKNOWN)
    assert not unseen(scene), "it left H1 before it ran on H2"


def test_vm_that_is_gone_to_where_it_runs_is_seen_to_end_there(scene: Scene) -> None:
    scene.whole(H3, vm(V1, H3, VmState.STOPPED))
    scene.whole(H2, vm(V1, H2))
    scene.whole(H1)
    scene.part(H2, vm(V1, H2, VmState.STOPPED))
    assert not unseen(scene)


def test_crashed_copy_that_comes_to_light_does_not_say_that_its_vm_is_nowhere_else(
    scene: Scene,
) -> None:
    silent(scene, H2, H3)
    scene.whole(H1)
    assert unseen(scene)
    scene.whole(H2, vm(V1, H2, VmState.CRASHED))
    assert unseen(scene)


def test_what_was_read_before_a_vm_ended_unseen_again_shows_nothing(scene: Scene) -> None:
    silent(scene, H1, H2)
    scene.whole(H1, STOPPED)
    scene.part(H1, vm(V1))
    silent(scene, H2)
    scene.whole(H3)
    silent(scene, H1)
    scene.whole(H1, STOPPED)
    scene.whole(H2)
    assert unseen(scene), "h3 was read while it ran, and not since"


def test_vm_that_is_nowhere_once_all_were_read_is_just_stopped(scene: Scene) -> None:
    silent(scene, H1, H2)
    scene.whole(H1, STOPPED)
    scene.whole(H3)
    assert unseen(scene), "the silent host was not read yet"
    scene.whole(H2)
    assert not unseen(scene)


def test_vm_that_is_found_running_is_seen(scene: Scene) -> None:
    silent(scene, H1, H2)
    scene.whole(H1, STOPPED)
    scene.whole(H2, vm(V1, H2))
    assert (scene.shown(), unseen(scene)) == ((H2, VmState.RUNNING), False)


def test_that_a_vm_ended_unseen_outlives_the_manager(scene: Scene) -> None:
    silent(scene, H1, H2)
    scene.whole(H1, STOPPED)
    kept = scene.picture.inventory
    scene.picture = Picture(Ours())
    scene.picture.remember(LastKnown(hosts=tuple(kept.hosts.values()), vms=(kept.vms[V1],)))
    scene.whole(H1, STOPPED)
    scene.whole(H3)
    assert unseen(scene)


OFF = PowerOff(host=H1, first_at=100.0, at=102.0)
SILENT = (
    pool(vm(V1, H1, VmState.UNKNOWN))
    .with_host(replace(host(H1), state=HostState.UNKNOWN))
    .with_host(replace(host(H2), state=HostState.UNKNOWN))
)


def by(last: Last) -> Callable[[HostId], Last]:
    """What is known of the host where it was; of others nothing."""
    return lambda key: last if key == H1 else Last()


@pytest.mark.parametrize(
    ("last", "doubt"),
    [
        (Last(100.0 - SEEN_S, 0.0, OFF), ()),
        (Last(99.0 - SEEN_S, 0.0, OFF), (H2,)),
        (Last(0.0, 0.0, OFF), (H2,)),
        (Last(149.0, 0.0, None), ()),
        (Last(100.0, 101.0, None), ()),
        (Last(100.0, 0.0, None), (H2,)),
    ],
)
def test_host_that_told_of_its_vm_until_it_died_died_with_it(last: Last, doubt: object) -> None:
    assert Astray(SILENT, by(last), 150.0).may_run_on(SILENT.vms[V1]) == doubt


def test_host_that_answered_without_the_vm_did_not_die_with_it() -> None:
    gone = replace(SILENT.vms[V1], unseen=True)
    assert Astray(SILENT, by(Last(100.0, 0.0, OFF)), 150.0).may_run_on(gone) == (H2,)


def test_hosts_without_a_proof_are_named_first_and_not_all_at_once() -> None:
    gone, world = replace(SILENT.vms[V1], unseen=True), SILENT
    many = [HostId(f"s{number:03}") for number in range(2 * MOST)]
    for key in many:
        world = world.with_host(replace(host(key), state=HostState.UNKNOWN))

    def last(key: HostId) -> Last:
        off = key in many[: MOST // 2]
        return Last(0.0, 0.0, PowerOff(host=key, first_at=1.0, at=3.0) if off else None)

    assert Astray(world, last, 9.0).may_run_on(gone) == (H2, *many[MOST // 2 :][: MOST - 1])
    proven = Astray(world, lambda key: Last(0.0, 0.0, replace(OFF, host=key)), 9.0)
    assert proven.may_run_on(gone) == (H2, *many)


def test_host_whose_server_is_something_else_by_now_has_no_vm() -> None:
    gone, none_known = replace(SILENT.vms[V1], unseen=True), by(Last())
    assert Astray(SILENT, none_known, 9.0).may_run_on(gone) == (H2,)
    lent = SILENT.with_profile(LENT)
    assert Astray(lent, none_known, 9.0).may_run_on(gone) == ()
    assert (is_silent(H1, lent), is_silent(H2, lent)) == (True, False)
    booted = SILENT.with_profile(replace(LENT, hypervisor=True))
    assert Astray(booted, none_known, 9.0).may_run_on(gone) == (H2,)


def test_host_whose_server_is_something_else_is_off_until_it_answers(scene: Scene) -> None:
    def state() -> HostState:
        return scene.picture.inventory.hosts[H2].state

    silent(scene, H2)
    assert state() is HostState.UNKNOWN
    shown = scene.picture.put_profiles({LENT.id: LENT}).notices
    assert state() is HostState.OFF
    assert Notice("host", H2) in shown
    scene.whole(H1)
    assert scene.shown() is None, "a VM that is gone is not missed because of it"
    scene.whole(H2)
    assert state() is HostState.UP
    silent(scene, H2)
    scene.picture.put_profiles({LENT.id: replace(LENT, server=None, means=None)})
    assert state() is HostState.UNKNOWN


def test_hosts_of_another_pool_without_its_disks_could_not_have_it() -> None:
    home, other = host(H1), replace(host(H2), pool="other", datastores=frozenset())
    assert not could_have(vm(V1), other, home)
    assert could_have(vm(V1), replace(other, datastores=home.datastores), home)
    assert could_have(vm(V1), replace(other, pool=home.pool), home)
    assert not could_have(vm(V1), replace(other, pool=home.pool, arch="aarch64"), home)
    assert could_have(vm(V1), other, None), "nobody knows where it was"


def test_vm_that_runs_is_where_it_runs_and_one_without_a_host_may_be_anywhere() -> None:
    assert seen_to_the_end(vm(V1), lambda _: Last(), 100.0)
    assert not seen_to_the_end(replace(STOPPED, host=None), lambda _: Last(told_at=99.0), 100.0)
    for state in (VmState.PAUSED, VmState.STOPPED, VmState.CRASHED):
        assert seen_to_the_end(vm(V1, H1, state), lambda _: Last(), 100.0)


def test_reach_is_of_the_vm_asked_for_whoever_was_asked_for_before() -> None:
    """Hosts in reach are kept for VMs that are alike: alike in all that matters."""
    disk = Disk(target="vda", volume="v", datastore=DatastoreId("far"))
    silent = HostState.UNKNOWN
    hosts = {
        HostId(f"home-{name}"): replace(host(HostId(f"home-{name}")), **where)
        for name, where in PLACES.items()
    }
    there = {
        HostId(f"there-{name}"): replace(host(HostId(f"there-{name}")), state=silent, **where)
        for name, where in PLACES.items()
    }
    world = pool()
    for one in (*hosts.values(), *there.values()):
        world = world.with_host(replace(one, datastores=frozenset()))
    far = HostId("there-pool")
    world = world.with_host(replace(world.host(far), datastores=frozenset({disk.datastore})))
    astray = Astray(world, lambda _: Last(), 9.0)
    for name in PLACES:
        lost = replace(vm(V1, HostId(f"home-{name}")), unseen=True, disks=())
        assert astray.may_run_on(lost) == (HostId(f"there-{name}"),), name
        with_disk = astray.may_run_on(replace(lost, disks=(disk,)))
        wanted = {HostId(f"there-{name}"), *({far} if name == "plain" else ())}
        assert set(with_disk) == wanted, name
    nowhere = replace(vm(V1), host=None, unseen=True, disks=())
    assert set(astray.may_run_on(nowhere)) == set(there)


PLACES: dict[str, dict[str, str]] = {
    "plain": {},
    "pool": {"pool": "other"},
    "arch": {"arch": "aarch64"},
    "platform": {"platform": "esxi"},
}


def test_places_are_told_by_vm() -> None:
    assert by_vm([(V1, H1), (V1, H2)]) == {V1: {H1, H2}}
