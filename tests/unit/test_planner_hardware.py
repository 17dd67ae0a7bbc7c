"""A pool on other hardware, judged by adding up what is on each server, hour by hour."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.exchange.hardware import read_server, read_servers
from anypool.model import (
    Apart,
    Failover,
    HostId,
    Inventory,
    OnHosts,
    Pinned,
    Policy,
    PolicyId,
    Tariff,
    VmId,
    Watts,
)
from anypool.plan import say
from anypool.planner.fewest.hardware import Mix, Server
from anypool.planner.fewest.other import Compared, Variant, compare
from anypool.planner.rules import NO_RULES, Rulebook
from tests.strategies import inventories, pool, vm
from tests.unit.curve_judge import measured, wanted
from tests.unit.test_planner_fewest import week, wish_of

EUR = Tariff(price=(0.25,) * 168, currency="EUR")
NEW = Server(name="new", cpus=32, memory_mib=32768, watts=Watts(idle=100, full=300), price=4000)
SMALL = Server(name="small", cpus=8, memory_mib=6144, watts=Watts(idle=60, full=120), price=900)


def never() -> bool:
    return False


def compared(world: Inventory, *servers: Server, gone: str = "", **more: object) -> Compared:
    rules = more.pop("rules", NO_RULES)
    assert isinstance(rules, Rulebook)
    going = frozenset(HostId(one) for one in gone.split())
    return compare(world, wish_of(world, rules, **more), servers, going, never)


def named(found: Compared, name: str) -> Variant:
    return next(
        one
        for one in found.variants
        if name == (one.name if isinstance(one.name, str) else say(one.name))
    )


@given(st.data())
@settings(max_examples=8)
def test_nothing_is_overbooked_nothing_is_lost_and_the_bound_is_below(
    data: st.DataObject,
) -> None:
    world = data.draw(inventories())
    curves = data.draw(measured(world))
    hosts = sorted(world.hosts)
    gone = data.draw(st.sets(st.sampled_from(hosts)))
    servers = (replace(NEW, count=data.draw(st.integers(0, 2))), SMALL)
    found = compared(world, *servers, gone=" ".join(gone), curves=curves, headroom_percent=10)
    rows = [
        record
        for host in hosts
        for record in world.vms_on(host)
        if record.state.value in ("running", "paused", "suspended", "unknown")
    ]
    for variant in found.variants[2:]:
        mix = variant.mix
        placed = [row for _, held in mix.holding for row in held]
        assert sorted([*placed, *mix.left]) == list(range(len(rows)))
        assert mix.bound <= len(mix.holding)
        assert not {name for name, _ in mix.holding} & set(gone)
        for name, held in mix.holding:
            judged(world, curves, name, [rows[row].id for row in held], servers)
        limits = {server.name: server.count or 999 for server in servers}
        assert all(count <= limits[bought] for bought, count in mix.bought)


def judged(
    world: Inventory, curves: dict, name: str, vms: list[VmId], servers: tuple[Server, ...]
) -> None:
    """Fail if a server needs more in any hour than it has, unless it is so now."""
    if name in world.hosts:
        host = world.hosts[HostId(name)]
        if all(world.vms[one].host == name for one in vms):
            return  # what cannot leave may be too much already
        cpus, memory = host.cpus, host.memory_mib - host.reserved_mib
    else:
        server = next(one for one in servers if one.name == name)
        cpus, memory = server.cpus, server.memory_mib
    sums = [0.0] * 168
    for one in vms:
        sums = [a + b for a, b in zip(sums, wanted(world, curves, one), strict=True)]
    assert max(sums) <= 90.0 * cpus + 1e-6
    assert sum(world.vms[one].memory_mib for one in vms) <= memory


def busy(vms: int = 8, hosts: int = 4) -> Inventory:
    world = pool(hosts, cpus=8, memory_mib=8192)
    for number in range(vms):
        world = world.with_vm(vm(number, f"h{number % hosts}", vcpus=4, memory_mib=3072))
    return world


def test_new_servers_are_counted_with_watts_money_and_payback() -> None:
    world = busy()
    curves = {key: week(100, 100) for key in world.vms}
    watts = {HostId(f"h{number}"): Watts(idle=200, full=400) for number in range(4)}
    found = compared(world, NEW, gone="h0 h1 h2 h3", curves=curves, watts=watts, tariff=EUR)
    now, new = named(found, "as it is").mix, named(found, "new")
    assert now.energy is not None
    assert now.energy.kwh == pytest.approx(4 * (200 + 200 * 0.25) * 8766 / 1000)
    assert new.mix.bought == (("new", 1),)
    assert new.mix.energy is not None
    assert new.mix.energy.kwh == pytest.approx((100 + 200 * 0.25) * 8766 / 1000)
    assert new.mix.purchase == 4000
    saved = (now.energy.kwh - new.mix.energy.kwh) * 0.25
    assert new.payback_y == pytest.approx(4000 / saved)


def test_hosts_that_are_kept_are_filled_first() -> None:
    world = busy()
    curves = {key: week(10, 20) for key in world.vms}
    kept = named(compared(world, SMALL, gone="h2 h3", curves=curves), "small").mix
    assert set(kept.kept) == {"h0", "h1"}
    assert kept.bought == (("small", 2),)


def test_for_failures_there_are_spare_servers() -> None:
    world = busy()
    curves = {key: week(10, 20) for key in world.vms}
    everyone = "h0 h1 h2 h3"
    plain = named(compared(world, SMALL, gone=everyone, curves=curves), "small").mix
    safe = named(compared(world, SMALL, gone=everyone, curves=curves, failures=2), "small").mix
    assert (plain.bought, plain.spare) == ((("small", 4),), 0)
    assert (safe.bought, safe.spare) == ((("small", 6),), 2)
    kept = named(compared(world, SMALL, gone="h3", curves=curves, failures=1), "small").mix
    assert kept.spare == 1
    four = replace(SMALL, count=4)
    few = named(compared(world, four, gone=everyone, curves=curves, failures=1), "small").mix
    assert (few.left, few.spare, few.survives) == ((), 0, False)
    both = compared(world, four, NEW, gone=everyone, curves=curves, failures=1)
    assert named(both, "the cheapest mix").mix.survives


def test_the_cheapest_mix_costs_no_more_than_each_kind_alone() -> None:
    for vms, failures in ((9, 0), (8, 1), (5, 0)):
        world = busy(vms)
        curves = {key: week(10, 20) for key in world.vms}
        found = compared(
            world, NEW, SMALL, gone="h0 h1 h2 h3", curves=curves, tariff=EUR, failures=failures
        )
        mixed = named(found, "the cheapest mix").mix
        alone = [named(found, name).mix for name in ("new", "small")]
        assert mixed.purchase is not None
        assert all(one.purchase is not None and mixed.purchase <= one.purchase for one in alone)


def test_what_does_not_fit_is_said() -> None:
    world = busy()
    curves = {key: week(10, 20) for key in world.vms}
    few = named(
        compared(world, replace(SMALL, count=1), gone="h0 h1 h2 h3", curves=curves), "small"
    ).mix
    assert len(few.left) == 6
    tiny = Server(name="tiny", cpus=8, memory_mib=1024)
    none = named(compared(world, tiny, gone="h0 h1 h2 h3", curves=curves), "tiny").mix
    assert len(none.left) == 8
    assert none.bought == ()


def test_what_nobody_knows_stays_unknown() -> None:
    world = busy()
    bare = Server(name="bare", cpus=32, memory_mib=32768)
    found = compared(world, bare, gone="h0 h1 h2 h3")
    mix = named(found, "bare")
    assert mix.mix.purchase is None
    assert mix.mix.energy is None
    assert mix.payback_y is None
    notes = "; ".join(map(say, found.notes))
    assert "nobody knows the watts of 4 hosts" in notes
    assert "nobody said what a kWh costs" in notes
    assert "8 VMs were measured in fewer than 24 hours" in notes


def test_what_saves_nothing_never_pays_back() -> None:
    world = busy()
    curves = {key: week(10, 20) for key in world.vms}
    watts = {HostId(f"h{number}"): Watts(idle=10, full=20) for number in range(4)}
    found = compared(world, NEW, gone="h0 h1 h2 h3", curves=curves, watts=watts, tariff=EUR)
    assert named(found, "new").payback_y == float("inf")


def test_vms_apart_need_as_many_servers_and_other_rules_are_named() -> None:
    world = busy()
    curves = {key: week(10, 20) for key in world.vms}
    rules = Rulebook.on(
        (
            Policy(id=PolicyId("far"), scope="", rule=Apart()),
            Policy(id=PolicyId("fast"), scope="", rule=OnHosts(hosts="name = host0")),
            Policy(id=PolicyId("safe"), scope="", rule=Failover(failures=1)),
        ),
        world,
    )
    found = compared(world, NEW, gone="h0 h1 h2 h3", curves=curves, rules=rules)
    assert named(found, "new").mix.bought == (("new", 8),)
    notes = "; ".join(map(say, found.notes))
    assert "these policies are not asked of them: fast" in notes


def test_pinned_vms_keep_their_hosts_or_are_named_if_those_go() -> None:
    world = busy()
    curves = {key: week(10, 20) for key in world.vms}
    stay = Policy(id=PolicyId("stay"), scope="name = vm0", rule=Pinned())
    rules = Rulebook.on((stay,), world)
    found = compared(world, NEW, gone="h0", curves=curves, rules=rules)
    assert "1 VM on hosts that go cannot migrate while it runs: vm0" in "; ".join(
        map(say, found.notes)
    )
    mix: Mix = named(compared(world, NEW, gone="h1", curves=curves, rules=rules), "new").mix
    assert 0 in dict(mix.holding)["h0"]


def test_without_new_servers_the_kept_hosts_are_judged() -> None:
    world = busy(6)
    curves = {key: week(10, 20) for key in world.vms}
    mix = named(compared(world, gone="h3", curves=curves), "the hosts that are kept").mix
    assert (len(mix.kept), mix.left) == (3, ())
    fewer = named(compared(world, gone="h2 h3", curves=curves), "the hosts that are kept").mix
    assert len(fewer.left) == 2


def test_a_server_is_said_in_a_line() -> None:
    found = read_server("4x new one: 64 cpus, 512GiB, 350W..800W, 9000 EUR")
    assert found == Server(
        name="new one",
        cpus=64,
        memory_mib=512 * 1024,
        count=4,
        watts=Watts(idle=350, full=800),
        price=9000,
    )
    bare = read_server("1.5TiB, 96 CPUs")
    assert (bare.name, bare.count, bare.watts, bare.price) == ("96 cpus, 1.5 TiB", 0, None, None)
    assert read_server("64 cpus, 512 GiB, 9000.50, 350..800W").price == 9000.5
    assert [one.name for one in read_servers("a: 1 cpu, 1GiB; b: 2 cpus, 2GiB;")] == ["a", "b"]
    assert read_servers(" ") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("64 cpus", "'64 cpus' is no server"),
        ("0x a: 64 cpus, 1GiB", "is no server"),
        ("64 cpus, 512GiB, 1TiB", "'1TiB' is no server"),
        ("64 cpus, 512GiB, loud", "'loud' is no server"),
        ("0 cpus, 512GiB", "is no server"),
        ("64 cpus, 512GiB, 800W..350W", "draws more when it is busy"),
        ("64 cpus, 512GiB; 64 cpus, 512GiB", "two kinds of servers are called"),
        (";".join(f"a{n}: 1 cpu, 1GiB" for n in range(21)), "21 kinds of servers are too many"),
    ],
)
def test_what_is_no_server_is_refused(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_servers(text)


@given(st.text(max_size=60))
def test_any_text_is_a_server_or_refused(text: str) -> None:
    try:
        assert all(one.cpus and one.memory_mib for one in read_servers(text))
    except Invalid:
        return
