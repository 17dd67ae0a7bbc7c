"""The inventory: persistent, indexed, and never a scan."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anypool.errors import Conflict, NotFound
from anypool.model import HOLDS_MEMORY, HostId, Inventory, PMap, VmId, VmState
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
