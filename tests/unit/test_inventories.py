"""Stored inventories: the same bytes again, each chunk once, at the cost of what changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import func, select

from anypool.clock import ManualClock
from anypool.engine.records.archive import Archive
from anypool.engine.records.retention import Retention, thinned
from anypool.errors import Conflict, NotFound, StoreFailed
from anypool.model import HostId, Inventory, VmId, VmState
from anypool.plan import Plan, PlanState, digest, encode_inventory, encode_plan, parts
from anypool.planner import plan_evacuation
from anypool.settings import Settings
from anypool.store import Store, inventories, plans
from anypool.store.kept_tables import inventory_chunks
from tests import strategies as pools
from tests.unit.store_kit import clock as clock
from tests.unit.store_kit import store as store

SETTINGS = Settings(state_dir="/nowhere")
DAY_S = 86_400.0
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def archive(store: Store) -> Archive:
    return Archive(store)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('db')}/a.db", clock=ManualClock())
    yield opened
    opened.close()


def kept(archive: Archive, inventory: Inventory) -> inventories.StoredInventory:
    found = archive.keep(inventory)
    assert found is not None
    return found


def pool(vms: int = 40) -> Inventory:
    made = pools.pool(3)
    for number in range(vms):
        made = made.with_vm(pools.vm(number, f"h{number % 3}"))
    return made


def chunk_count(store: Store) -> int:
    with store.reading() as tx:
        return tx.count(select(func.count()).select_from(inventory_chunks))


def sweep(store: Store, clock: ManualClock) -> int:
    return Retention(store, clock, SETTINGS).run(["inventories"])["inventories"]


def test_every_map_of_an_inventory_is_stored() -> None:
    assert set(Inventory._fields) - {"claims"} == set(parts.PARTS)


@pytest.mark.thorough
@QUICK
@given(before=pools.inventories(), after=pools.inventories())
def test_an_inventory_comes_back_byte_for_byte(
    shared: Store, before: Inventory, after: Inventory
) -> None:
    archive = Archive(shared)
    for inventory in (before, after, before):
        archive.keep(inventory)
        with shared.reading() as tx:
            newest = inventories.latest(tx)
        assert newest is not None
        found = archive.load(newest)
        assert encode_inventory(found) == encode_inventory(inventory)
        assert dict(found.claims) == {h: c for h, c in inventory.claims.items() if c.vms}


@QUICK
@given(first=pools.inventories(), second=pools.inventories())
def test_what_is_named_does_not_depend_on_what_was_named_before(
    first: Inventory, second: Inventory
) -> None:
    base = parts.parted(first)
    assert parts.parted(second, base).manifest == parts.parted(second).manifest
    same = encode_inventory(first) == encode_inventory(second)
    assert (digest(first) == digest(second)) is same


def test_the_cost_is_that_of_the_changed_chunks(
    archive: Archive,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = pool(400)
    kept(archive, whole)
    chunks = chunk_count(store)
    encoded: list[object] = []
    real = parts.encode_chunk
    monkeypatch.setattr(parts, "encode_chunk", lambda chunk: encoded.append(1) or real(chunk))
    vm = whole.vms[VmId("v7")]
    kept(archive, whole.with_vm(replace(vm, vcpus=5)))
    assert len(encoded) == 2, "once to name it, once to store it"
    assert chunk_count(store) == chunks + 2, "the changed chunk and the manifest"
    assert archive.keep(whole.with_vm(replace(vm, vcpus=5))) is None, "nothing changed"
    kept(archive, whole)
    assert chunk_count(store) == chunks + 2, "a world that comes back costs no chunk"


def test_a_plan_can_be_made_again_from_its_stored_inventory(
    archive: Archive,
    store: Store,
) -> None:
    world = pool(6)
    plan = plan_evacuation(world, HostId("h1"))
    record = archive.keep_plan(plan, "ada", world)
    archive.keep(world.without_vm(VmId("v1")))
    with store.reading() as tx:
        stored = inventories.of_digest(tx, record.plan.based_on)
    assert stored is not None
    assert stored.plan == record.id
    assert encode_plan(plan_evacuation(archive.load(stored), HostId("h1"))) == encode_plan(plan)
    with pytest.raises(Conflict):
        archive.keep_plan(plan, "ada", world.without_vm(VmId("v1")))


def test_an_inventory_is_found_by_number_and_by_the_beginning_of_its_digest(
    archive: Archive,
    store: Store,
) -> None:
    one = kept(archive, pool(3))
    with store.reading() as tx:
        assert inventories.find(tx, str(one.number)) == one
        assert inventories.find(tx, one.digest[:9]) == one
        for key in ("99", one.digest[:7], "zzzzzzzzz", "%%%%%%%%%"):
            with pytest.raises(NotFound):
                inventories.find(tx, key)


def test_a_digest_that_begins_like_a_number_is_found(archive: Archive, store: Store) -> None:
    shapes = (pools.pool(1).with_vm(pools.vm(number, "h0")) for number in range(1000))
    one = kept(archive, next(shape for shape in shapes if digest(shape)[:8].isdecimal()))
    with store.reading() as tx:
        assert inventories.find(tx, one.digest[:8]) == one


def test_what_differs_is_told_by_object_and_field(archive: Archive) -> None:
    old = pool(6)
    vm = old.vms[VmId("v1")]
    new = old.with_vm(replace(vm, host=HostId("h2"), state=VmState.PAUSED))
    new = new.without_vm(VmId("v2")).with_vm(pools.vm(77, "h0"))
    first, second = kept(archive, old), kept(archive, new)
    found = {one.id: one for one in archive.differences(first, second, Inventory())}
    assert {key: one.change for key, one in found.items()} == {
        "v1": "changed",
        "v2": "removed",
        "v77": "added",
    }
    fields = [(one.name, one.before, one.after) for one in found["v1"].fields]
    assert fields == [("host", "h1", "h2"), ("state", "running", "paused")]
    assert list(archive.differences(second, None, new)) == []
    now = {one.id for one in archive.differences(first, None, new)}
    assert now == {"v1", "v2", "v77"}


def test_a_damaged_chunk_is_refused(archive: Archive, store: Store) -> None:
    stored = kept(archive, pool(3))
    with store.writing() as tx:
        tx.run(inventory_chunks.update().values(body=b"\x00[]"))
    with pytest.raises(StoreFailed):
        archive.load(stored)


@QUICK
@given(st.lists(st.floats(0, 800), min_size=1, max_size=60))
def test_thinning_keeps_all_then_one_an_hour_then_one_a_day(ages: list[float]) -> None:
    now = 2_000_000_000.0
    times = sorted(now - age * DAY_S for age in ages)
    moments = [(number, at, "", "p" if number % 7 == 0 else "") for number, at in enumerate(times)]
    doomed = set(thinned(moments, {"p"}, now, SETTINGS))
    left = [one for one in moments if one[0] not in doomed]
    assert left[-1] == moments[-1], "the newest stays"
    assert all(number not in doomed for number, _, _, plan in moments if plan)
    free = [at for _, at, _, plan in left[:-1] if not plan]
    for limit, unit_s in ((7, 3600), (365, 86400)):
        older = [at for at in free if 1 < (now - at) / DAY_S <= limit]
        older = [at for at in older if unit_s == 3600 or (now - at) / DAY_S > 7]
        assert len({int(at) // unit_s for at in older}) == len(older)
    assert all((now - at) / DAY_S <= 365 for at in free)
    young = {number for number, at, *_ in moments if (now - at) / DAY_S <= 1}
    assert not young & doomed
    again = thinned(left, {"p"}, now, SETTINGS)
    assert again == [], "thinning twice changes nothing"


def test_chunks_that_no_inventory_has_go_and_others_stay(
    archive: Archive,
    store: Store,
    clock: ManualClock,
) -> None:
    world = pool(40)
    first = kept(archive, world)
    for number in range(5):
        vm = world.vms[VmId("v7")]
        world = world.with_vm(replace(vm, vcpus=number + 10))
        kept(archive, world)
        clock.advance(60)
    before = chunk_count(store)
    clock.advance(3 * DAY_S)
    last = kept(archive, world.with_vm(pools.vm(99, "h0")))
    assert sweep(store, clock) == 5, "one of that hour stays"
    assert chunk_count(store) < before
    for stored in (first, last):
        assert archive.load(stored)
    assert kept(archive, world), "what was swept is stored again when it comes back"
    with store.reading() as tx:
        newest = inventories.latest(tx)
    assert newest is not None
    assert encode_inventory(archive.load(newest)) == encode_inventory(world)


def test_an_inventory_whose_base_was_thinned_out_is_stored_whole(
    archive: Archive,
    store: Store,
    clock: ManualClock,
) -> None:
    kept(archive, pool(20))
    prepared = archive.prepare(pool(20).with_vm(pools.vm(50, "h1")))
    kept(Archive(store), pool(2))
    clock.advance(400 * DAY_S)
    assert sweep(store, clock) == 1
    with store.writing() as tx:
        record = archive.put(tx, prepared)
    assert len(archive.load(record).vms) == 21


def test_one_stored_in_mid_sweep_loses_nothing(
    archive: Archive,
    store: Store,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sweep has found the old world unneeded; just then it comes back."""
    old, new = pool(30), pool(5)
    kept(archive, old)
    kept(archive, new)
    clock.advance(400 * DAY_S)
    retention = Retention(store, clock, SETTINGS)
    late: list[inventories.StoredInventory] = []
    pause = retention._pause

    def come_back() -> bool:
        if not late and _removed(store):
            late.append(kept(archive, old))
        return pause()

    monkeypatch.setattr(retention, "_pause", come_back)
    assert retention.run(["inventories"]) == {"inventories": 1}
    assert late, "it came back while the sweep was under way"
    assert encode_inventory(archive.load(late[0])) == encode_inventory(old)


def _removed(store: Store) -> bool:
    with store.reading() as tx:
        return len(inventories.moments(tx)) == 1


def test_the_inventory_of_a_plan_that_waits_is_never_thinned_out(
    archive: Archive,
    store: Store,
    clock: ManualClock,
) -> None:
    world = pool(6)
    record = archive.keep_plan(plan_evacuation(world, HostId("h1")), "ada", world)
    kept(archive, world.without_vm(VmId("v1")))
    forever = replace(SETTINGS, plan_valid_days=36_000.0)
    clock.advance(3000 * DAY_S)
    Retention(store, clock, forever).run()
    with store.reading() as tx:
        assert plans.get(tx, record.id).state is PlanState.RECOMMENDED
        stored = inventories.of_digest(tx, record.plan.based_on)
    assert stored is not None
    assert encode_inventory(archive.load(stored)) == encode_inventory(world)


def test_a_plan_made_from_nothing_needs_no_inventory(archive: Archive, tmp_path: Path) -> None:
    assert archive.keep_plan(Plan(goal="x"), "ada", pool(1)).plan.goal == "x"
