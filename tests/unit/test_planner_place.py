"""Places among many hosts: what is calculated for all at once is what each host is asked."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.model import (
    Apart,
    Capability,
    Disk,
    HostId,
    HostState,
    Inventory,
    Licence,
    MaxVms,
    NetworkId,
    NoMigration,
    Rule,
    Spread,
    Strength,
    Vm,
    VmId,
    VmState,
)
from anypool.planner import place
from anypool.planner.field import Field, field_of
from anypool.planner.place import ANYWHERE, Wanted, choose, choose_at_once, choose_singly
from anypool.planner.rules import NO_RULES, Rulebook
from tests.strategies import NETWORK, SHARED, host, pool, vm
from tests.unit.test_rules import RULES, policy, ruled

H0, V0 = HostId("h0"), VmId("v0")

CHANGES: dict[str, Any] = {
    "state": HostState.OFF,
    "maintenance": True,
    "observe_only": True,
    "pool": "lab",
    "arch": "aarch64",
    "cpu_models": frozenset({"EPYC"}),
    "capabilities": frozenset(Capability) - {Capability.LIVE_MIGRATION},
    "datastores": frozenset(),
    "networks": frozenset(),
    "peer_uri": "",
    "cpus": 1,
    "reserved_mib": 16000,
    "tags": frozenset({"fast"}),
    "sockets": 0,
}


@pytest.fixture(autouse=True)
def _all_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "SHOWN", 1000)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Inventory, Rulebook, Vm, Wanted]:
    world, rules = draw(ruled())
    policies = tuple(
        replace(one, strength=draw(st.sampled_from(Strength))) if one.rule in RULES[:6] else one
        for one in rules.policies
    )
    world = _changed(draw, world)
    wished = vm(
        99,
        draw(st.sampled_from([None, None, *world.hosts])),
        state=draw(st.sampled_from((VmState.STOPPED, VmState.RUNNING))),
        memory_mib=draw(st.sampled_from((256, 1024, 3072))),
        vcpus=draw(st.sampled_from((1, 2, 5))),
        cpu_model=draw(st.sampled_from(("", "EPYC", "Skylake"))),
        tags=draw(st.sampled_from((frozenset({"web", "app:a"}), frozenset({"db"})))),
    )
    machine = draw(st.sampled_from([wished, *world.vms.values()]))
    bound = Rulebook.on(policies, world.with_vm(machine))
    some = st.frozensets(st.sampled_from(sorted(world.vms) or [V0]), max_size=2)
    wanted = Wanted(
        rules=bound,
        leaving=draw(some),
        avoid=draw(st.frozensets(st.sampled_from(sorted(world.hosts)), max_size=1)),
    )
    return world, rules, machine, wanted


def _changed(draw: Callable[[Any], Any], world: Inventory) -> Inventory:
    for key in sorted(world.hosts):
        for name in draw(st.lists(st.sampled_from(sorted(CHANGES)), max_size=2)):
            changed = {name: CHANGES[name]}
            world = world.with_host(replace(world.hosts[key], **changed))
    return world


@pytest.mark.thorough
@given(scenes(), st.data())
def test_all_at_once_gives_what_one_after_the_other_gives(
    scene: tuple[Inventory, Rulebook, Vm, Wanted], data: st.DataObject
) -> None:
    """Host, reason and every refusal; also after changes that the columns only follow."""
    world, _, machine, wanted = scene
    for _ in range(3):
        choice = choose_at_once(world, machine, wanted)
        assert choice == choose_singly(world, machine, wanted)
        if choice.host is not None:
            world = world.with_vm(replace(machine, host=choice.host, state=VmState.RUNNING))
        world = _changed(data.draw, world)
        machine = replace(machine, id=VmId(f"{machine.id}+"), name=f"{machine.name}+")


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"tags", "sockets"}))
def test_each_need_is_asked_of_all_at_once(name: str) -> None:
    """One host lacks one thing; it alone would be the best otherwise."""
    world = pool(70).with_host(host(0, memory_mib=16384))
    changed = replace(world.hosts[H0], **{name: CHANGES[name]})
    machine = vm(1, "h5", vcpus=2, cpu_model="Skylake")
    assert choose(world, machine).host == H0
    found = choose(world.with_host(changed), machine)
    assert found.host not in (H0, None)
    assert [entry.host for entry in found.refused if "place." not in entry.why.code] == [H0]


MORE: tuple[Rule, ...] = (
    Licence(hosts="name ~ host", sockets=20, pack=True),
    Licence(hosts="name ~ host", sockets=28),
    NoMigration(source="name ~ host", target="name ~ host"),
)


@pytest.mark.parametrize("rule", RULES + MORE, ids=lambda rule: type(rule).__struct_config__.tag)
def test_each_rule_is_asked_of_all_at_once(rule: Any) -> None:
    """In a pool of two kinds of hosts every rule forbids some, the same ones either way."""
    if isinstance(rule, Spread):
        rule = replace(rule, minimum=5)
    world = pool(70)
    for number in range(70):
        tags = frozenset({f"rack:{number // 10}", "fast" if number % 2 else "slow"})
        world = world.with_host(host(number, tags=tags, sockets=number % 4, cpus=4))
        here = vm(number, f"h{number}", memory_mib=6700, vcpus=1, tags=frozenset({"web"}))
        if number % 3 == 0 and number < 40:
            world = world.with_vm(replace(here, tags=frozenset({"web", "app:a"})))
    for number in range(200, 203):
        world = world.with_vm(vm(number, "h1", memory_mib=64))
    machine = vm(99, "h1", memory_mib=64, vcpus=1, tags=frozenset({"web", "app:a"}))
    rules = Rulebook.on((policy("p", rule, "tag = web"),), world.with_vm(machine))
    wanted = Wanted(rules=rules)
    singly = choose_singly(world, machine, wanted)
    assert choose_at_once(world, machine, wanted) == singly
    sparse = Wanted(rules=rules, leaving=frozenset(sorted(world.vms)[1:]))
    alone = choose_singly(world, machine, sparse)
    assert choose_at_once(world, machine, sparse) == alone
    assert any(entry.why.code.startswith("rule.") for entry in singly.refused)


def test_of_many_hosts_a_few_refusals_are_shown_and_all_where_none_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, "SHOWN", 4)
    world = pool(100, networks=frozenset()).with_host(host(50))
    found = choose(world, vm(1, None))
    assert found.host == HostId("h50")
    assert len(found.refused) == 4
    nowhere = choose(world, vm(1, None, memory_mib=9000))
    assert (nowhere.host, len(nowhere.refused)) == (None, 100)
    short = next(entry.why for entry in nowhere.refused if entry.host == "h50")
    assert short.code == "host.memory"
    assert dict(short.facts)["short"] == 9000 - 8192


def test_a_private_disk_keeps_a_vm_from_every_host() -> None:
    machine = vm(1, "h1", disks=(Disk(target="vda", volume="a", path="/a"),))
    assert choose(pool(70), machine).host is None


def test_what_a_plan_has_promised_is_full_for_the_next() -> None:
    """One host after the other is filled, and never more than it holds."""
    world = pool(64, memory_mib=2048, datastores=frozenset({SHARED}))
    for number in range(128):
        chosen = choose(world, vm(number, None)).host
        assert chosen is not None
        world = world.with_vm(vm(number, chosen))
    assert choose(world, vm(999, None)).host is None
    assert {world.memory_free_mib(key) for key in world.hosts} == {0}


def test_ranks_weigh_memory_cpus_and_vms() -> None:
    """Memory goes first; a host with a little less memory and idle CPUs is better."""
    world = pool(64, maintenance=True).with_host(host(9, memory_mib=8000))
    open_ = world.with_host(host(5, memory_mib=9000)).with_host(host(7, memory_mib=8999))
    assert choose(open_, vm(99, None)).host == "h5"
    found = choose(open_.with_vm(vm(1, "h5", vcpus=8, memory_mib=0)), vm(99, None))
    assert found.host == "h7"
    assert found.why is not None
    assert found.why.code == "place.ranked"
    lacks = {entry.host: entry.why.code for entry in found.refused}
    assert (lacks[HostId("h5")], lacks[HostId("h9")]) == ("place.busier", "place.less-free")


def test_a_field_follows_hosts_that_come_and_go() -> None:
    world = pool(64)
    with field_of(world) as field:
        assert len(field) == 64
    more = world.with_host(host(64, networks=frozenset({NETWORK, NetworkId("x")})))
    with field_of(more) as field:
        assert field.ids == sorted(more.hosts)
    with field_of(world.without_host(H0)) as field:
        assert len(field) == 63


def test_a_field_forgets_the_oldest_answers() -> None:
    field = Field(pool(3))
    for number in range(400):
        field.mask(("store", number), lambda one: one.id == "h0")
    assert field.follow(pool(3).with_host(host(0, maintenance=True)))
    assert field.mask(("store", 1), lambda one: one.id == "h0").tolist() == [True, False, False]


def test_nobody_is_asked_for_without_rules_or_hosts() -> None:
    assert choose_at_once(Inventory(), vm(1, None), ANYWHERE).refused == ()
    assert NO_RULES.bounds == ()


@given(ruled(), st.frozensets(st.sampled_from(("web", "db", "app:a")), max_size=2))
def test_new_vms_are_bound_as_if_all_were_bound_anew(
    scene: tuple[Inventory, Rulebook], tags: frozenset[str]
) -> None:
    world, rules = scene
    coming = (vm(98, None, tags=tags), vm(99, None))
    more = world.patched_vms({one.id: one for one in coming})
    assert rules.joined_by(coming, more).bounds == rules.bound_to(more).bounds


def test_rules_see_what_changed_since_the_columns_were_filled() -> None:
    """Racks and numbers of running VMs follow, and a VM is not counted against itself."""
    world = pool(64, tags=frozenset({"rack:a", "fast"}))
    for number in range(64):
        for one in range(2):
            world = world.with_vm(vm(2 * number + one, f"h{number}", tags=frozenset({"x"})))
    machine = replace(world.vms[VmId("v2")], tags=frozenset({"web"}))
    world = world.with_vm(machine).with_vm(vm(900, "h9", tags=frozenset({"web"})))
    policies = (
        policy("few", MaxVms(maximum=2), "tag = fast"),
        policy("racks", Apart(domain="rack"), "tag = web"),
    )
    for moved in (None, "rack:b", "rack:a", "rack:c"):
        if moved is not None:
            tags = frozenset({moved, "fast"})
            world = world.with_host(replace(world.hosts[HostId("h1")], tags=tags))
            world = world.with_vm(vm(901, "h1" if moved == "rack:c" else None))
        wanted = Wanted(rules=Rulebook.on(policies, world))
        found = choose_at_once(world, machine, wanted)
        assert found == choose_singly(world, machine, wanted)
        assert found.host == (HostId("h1") if moved == "rack:b" else None)
