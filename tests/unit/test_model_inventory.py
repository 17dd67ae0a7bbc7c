"""The inventory: persistent, indexed, and never a scan."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.errors import Conflict, NotFound
from anypool.model import HOLDS_MEMORY, HostId, Inventory, PMap, Vm, VmId, VmState
from tests.strategies import host, inventories, pool, vm


@given(st.lists(st.tuples(st.text(max_size=3), st.one_of(st.none(), st.integers()))))
def test_map_behaves_like_a_dict_and_old_versions_stay(
    changes: list[tuple[str, int | None]],
) -> None:
    plain: dict[str, int] = {}
    persistent: PMap[str, int] = PMap()
    versions = []
    for key, value in changes:
        versions.append((persistent, dict(plain)))
        if value is None:
            plain.pop(key, None)
            persistent = persistent.drop(key)
        else:
            plain[key] = value
            persistent = persistent.set(key, value)
    assert all(dict(old) == copy and len(old) == len(copy) for old, copy in versions)
    assert list(persistent) == list(PMap.of(plain))


def test_a_change_copies_one_chunk_only() -> None:
    big = PMap.of({f"k{number}": number for number in range(10_000)})
    changed = big.set("k5", -1)
    same = sum(a is b for a, b in zip(big._chunks, changed._chunks, strict=True))
    assert same == len(big._chunks) - 1


@given(
    st.dictionaries(st.text(max_size=2), st.integers()),
    st.dictionaries(st.text(max_size=2), st.one_of(st.none(), st.integers())),
)
def test_many_changes_at_once_are_the_same_as_one_after_the_other(
    start: dict[str, int], changes: dict[str, int | None]
) -> None:
    old = one = PMap.of(start)
    for key, value in changes.items():
        one = one.drop(key) if value is None else one.set(key, value)
    many = old.patched(changes)
    assert list(many.items()) == list(one.items())
    assert len(many) == len(one)
    assert dict(old) == start


@given(
    st.dictionaries(st.text(max_size=2), st.integers()),
    st.dictionaries(st.text(max_size=2), st.one_of(st.none(), st.integers())),
)
def test_two_maps_tell_what_differs(start: dict[str, int], changes: dict[str, int | None]) -> None:
    old = PMap.of(start)
    new = old.patched(changes)
    before, after = dict(old), dict(new)
    differ = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    told = list(new.changed_since(old))
    assert differ <= set(told) <= changes.keys()
    assert len(told) == len(set(told))
    assert not list(new.changed_since(new))


@given(inventories(), st.integers(0, 2**16))
def test_many_vms_at_once_are_the_same_as_one_after_the_other(world: Inventory, seed: int) -> None:
    rng = random.Random(seed)
    homes = [None, *world.hosts]
    changes: dict[VmId, Vm | None] = {}
    one = world
    for number in range(14):
        key = VmId(f"v{number}")
        new = None if rng.random() < 0.3 else vm(number, rng.choice(homes), memory_mib=number)
        changes[key] = new
        one = one.without_vm(key) if new is None else one.with_vm(new)
    many = world.patched_vms(changes)
    assert many.vms == one.vms
    assert {k: c for k, c in many.claims.items() if c.vms} == {
        k: c for k, c in one.claims.items() if c.vms
    }


@given(inventories(), st.integers(0, 2**16))
def test_claims_equal_a_recount(world: Inventory, seed: int) -> None:
    rng = random.Random(seed)
    for key in sorted(world.vms):
        record = world.vms[key]
        match rng.randrange(3):
            case 0:
                world = world.without_vm(key)
            case 1:
                world = world.with_vm(vm(int(key[1:]), record.host, state=VmState.STOPPED))
    for key in world.hosts:
        mine = [v for v in world.vms.values() if v.host == key]
        held = sum(v.memory_mib for v in mine if v.state in HOLDS_MEMORY)
        record = world.hosts[key]
        assert world.memory_free_mib(key) == record.memory_mib - record.reserved_mib - held
        assert {v.id for v in world.vms_on(key)} == {v.id for v in mine}


def test_missing_things_say_where_to_look() -> None:
    with pytest.raises(NotFound) as caught:
        Inventory().vm(VmId("nobody"))
    assert "vm list" in caught.value.hint


def test_a_host_with_vms_is_not_forgotten() -> None:
    world = pool(1).with_vm(vm(1, "h0"))
    with pytest.raises(Conflict, match="still has VMs"):
        world.without_host(HostId("h0"))
    assert not world.without_vm(VmId("v1")).without_host(HostId("h0")).hosts


def test_reserved_memory_is_not_free() -> None:
    world = Inventory().with_host(host(0, memory_mib=1000, reserved_mib=300))
    assert world.memory_free_mib(HostId("h0")) == 700
