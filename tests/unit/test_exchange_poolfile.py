"""A pool as a file: read back it gives the same plans, and masked it tells no name."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import to_builtins
from msgspec.structs import replace

from anypool.cli import yaml
from anypool.errors import AnypoolError, Invalid
from anypool.exchange.masking import mask
from anypool.exchange.masks import Masks
from anypool.exchange.poolfile import PoolFile, as_data, pool_file, read_pool_file
from anypool.model import (
    Apart,
    Boot,
    Component,
    Datastore,
    DatastoreId,
    Exclusive,
    Headroom,
    HostId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Inventory,
    Licence,
    NoMigration,
    OnHosts,
    Origin,
    Percentiles,
    Policy,
    PolicyId,
    Pool,
    PoolId,
    Probe,
    Rule,
    ServerId,
    Service,
    ServiceId,
    Spread,
    Vm,
    VmId,
)
from anypool.model.profile import IscsiTarget
from anypool.plan import Plan, digest, encode_plan
from anypool.planner import plan_evacuation, plan_migrate, plan_start
from anypool.planner.profiles.failover import plan_fail_over
from anypool.planner.rules import Rulebook, bind
from anypool.scenario.page import parse_page
from anypool.scenario.pool import read_pool
from tests.strategies import inventories, pool
from tests.unit.test_bearing import DB, FIRST, borne
from tests.unit.test_bearing import world as bladed
from tests.unit.test_failover import THIRD

RULES: tuple[tuple[str, Rule], ...] = (
    ("tag = web", Apart(domain="rack")),
    ("tag = WEB or name = vm1", Spread(domain="hall", minimum=2)),
    ("name = vm*", Exclusive(prefix="app:")),
    ("tag in (web, db)", Exclusive(prefix="te")),
    ("host.name = host0", OnHosts(hosts="tag = fast and memory > 1GiB")),
    ("vm2", Licence(hosts="name ~ ost", sockets=4)),
    ("not tag = db", NoMigration(source="name = host0", target="tag = slow or id = h1")),
    ("pool = default", Headroom(memory_percent=10)),
)
TAGS = ("web", "db", "app:a", "app:b", "team1", "team2")
HOST_TAGS = ("rack:a", "rack:b", "hall:x", "hall:y", "fast", "slow")
WISHES: tuple[Callable[[Inventory, Rulebook], Plan], ...] = (
    *(lambda i, r, n=n: plan_evacuation(i, HostId(f"h{n}"), r) for n in range(3)),  # type: ignore[misc]
    *(lambda i, r, n=n: plan_migrate(i, VmId(f"v{n}"), r, target=None) for n in range(3)),  # type: ignore[misc]
    *(lambda i, r, n=n: plan_start(i, VmId(f"v{n}"), r) for n in range(3)),  # type: ignore[misc]
)


@st.composite
def files(draw: st.DrawFn) -> PoolFile:
    return file_of(draw(worlds()), draw(st.lists(st.sampled_from(RULES), max_size=3)))


@st.composite
def worlds(draw: st.DrawFn) -> Inventory:
    world = draw(inventories())
    for host in list(world.hosts.values()):
        tags = draw(st.sets(st.sampled_from(HOST_TAGS), max_size=3))
        world = world.with_host(replace(host, tags=frozenset(tags), sockets=2))
    for vm in list(world.vms.values()):
        tags = draw(st.sets(st.sampled_from(TAGS), max_size=2))
        world = world.with_vm(replace(vm, tags=frozenset(tags)))
    return world


def file_of(world: Inventory, rules: list[tuple[str, Rule]]) -> PoolFile:
    policies = [
        Policy(id=PolicyId(f"rule{number}"), scope=scope, rule=rule)
        for number, (scope, rule) in enumerate(rules)
    ]
    parts = (Component(name="front", vms=("vm0", "v1")), Component(name="back", image="debian"))
    return pool_file(
        world,
        pools=[Pool(id=PoolId("default"), description="ours")],
        policies=policies,
        services=[Service(id=ServiceId("shop"), components=parts)],
    )


def answers(inventory: Inventory, policies: tuple[Policy, ...]) -> list[bytes]:
    """What planners say to every wish, byte for byte."""
    rules = Rulebook.on(policies, inventory)
    found = []
    for wish in WISHES:
        try:
            found.append(encode_plan(wish(inventory, rules)))
        except AnypoolError as error:
            found.append(f"{error.message} {getattr(error, 'refusals', '')}".encode())
    return found


@pytest.mark.thorough
@given(worlds(), st.lists(st.sampled_from(RULES), max_size=3), st.booleans())
@settings(max_examples=25)
def test_a_file_read_back_gives_the_same_plans(
    before: Inventory, rules: list[tuple[str, Rule]], as_json: bool
) -> None:
    file = file_of(before, rules)
    text = json.dumps(as_data(file)) if as_json else yaml.dump(as_data(file))
    world = read_pool(parse_page("pool", text))
    assert as_json or text.count("\n") > 10 * len(before.hosts)
    assert digest(world.inventory) == digest(before)
    assert (world.policies, world.services) == (file.policies, file.services)
    again = answers(world.inventory, world.policies)
    assert again == answers(before, file.policies)


@pytest.mark.thorough
@given(files())
@settings(max_examples=25)
def test_a_masked_pool_gives_the_same_plans_with_other_names(file: PoolFile) -> None:
    masked, of = mask(file), Masks(file).of
    for before in file.policies:
        after = next(one for one in masked.policies if one.id == of("policy", before.id))
        (old,) = bind((before,), file.inventory())
        (new,) = bind((after,), masked.inventory())
        assert {of("vm", vm) for vm in old.vms} == new.vms
        assert {of("host", host) for host in old.hosts} == new.hosts
        assert {of("host", host) for host in old.targets} == new.targets
    old_rules = Rulebook.on(file.policies, file.inventory())
    new_rules = Rulebook.on(masked.policies, masked.inventory())
    for host in file.hosts:
        try:
            plan = plan_evacuation(file.inventory(), host.id, old_rules)
        except AnypoolError as error:
            with pytest.raises(type(error)):
                plan_evacuation(masked.inventory(), HostId(of("host", host.id)), new_rules)
            continue
        other = plan_evacuation(masked.inventory(), HostId(of("host", host.id)), new_rules)
        assert [_moves(step.action, of) for step in plan] == [
            _moves(step.action, lambda _, name: name) for step in other
        ]


def _moves(action: object, of: Callable[[str, str], str]) -> dict[str, str]:
    kinds = {"vm": "vm", "source": "host", "target": "host", "host": "host"}
    return {key: of(kinds[key], v) for key, v in to_builtins(action).items() if key in kinds}


@given(files())
@settings(max_examples=25)
def test_a_masked_pool_tells_no_name(file: PoolFile) -> None:
    file = replace(
        file,
        hosts=tuple(replace(host, name=f"our-{host.name}") for host in file.hosts),
        vms=tuple(replace(vm, name=f"our.{vm.name}") for vm in file.vms),
    )
    words = {one for host in file.hosts for one in (host.name, host.peer_address)}
    words |= {one for vm in file.vms for one in (vm.name, *(nic.mac for nic in vm.nics))}
    words |= {disk.volume for vm in file.vms for disk in vm.disks}
    words |= {*TAGS, "app", "hall", "fast", "slow", "shared", "local", "shop", "debian", "ours"}
    words |= {str(policy.id) for policy in file.policies}
    told = set(_texts(as_data(mask(file))))
    assert sorted(words & told) == []


def test_a_masked_image_tells_neither_name_nor_content() -> None:
    place, digest_ = DatastoreId("d"), "sha256:" + "a" * 64
    copy = ImageCopy(datastore=place, volume="secret.qcow2", stamp="17", read_at=5.0)
    version = ImageVersion(
        number=2, copies=(copy,), digest=digest_, notes="ours", source="acme", size_bytes=9,
        boot=Boot(kernel="/acme/k"),
    )  # fmt: skip
    image = Image(id=ImageId("secret"), name="secret", versions=(version,), description="acme")
    origins = [Origin(image=ImageId(name), version=2, digest=digest_) for name in ("secret", "old")]
    vms = [Vm(id=VmId(f"v{n}"), name=f"v{n}", host=None, origin=o) for n, o in enumerate(origins)]
    world = Inventory().with_datastore(Datastore(id=place, name="d")).with_image(image)
    for vm in vms:
        world = world.with_vm(vm)
    masked = mask(pool_file(world))
    told = json.dumps(as_data(masked))
    assert not [word for word in ("secret", "acme", "ours", "aaaa", "17") if word in told]
    (after,) = masked.images
    assert after.versions[0].size_bytes == 9
    assert [vm.origin.image == after.id for vm in masked.vms if vm.origin] == [True, False]


def _texts(data: object) -> list[str]:
    if isinstance(data, dict):
        return [text for item in data.values() for text in _texts(item)]
    if isinstance(data, list):
        return [text for item in data for text in _texts(item)]
    if not isinstance(data, str):
        return []
    for mark in "=()<>~,:":
        data = data.replace(mark, " ")
    return [data, *data.split()] if data != "true" else []


def test_odd_names_survive_yaml() -> None:
    names = (
        "\N{GRINNING FACE} web",
        "null",
        "1e3",
        "0x10",
        "a: b",
        "\\ud83d",
        "é\u2028",
        "~",
        "no",
    )
    data = {"names": list(names), **{name: name for name in names}}
    assert parse_page("x", yaml.dump(data)).plain() == data


def test_what_is_no_export_is_refused() -> None:
    with pytest.raises(Invalid, match="is no exported pool"):
        read_pool_file("x", {"hosts": []})
    good = as_data(pool_file(Inventory()))
    with pytest.raises(Invalid, match="has version 2; this release reads 1"):
        read_pool_file("x", good | {"version": 2})
    with pytest.raises(Invalid, match="is not understood"):
        read_pool_file("x", good | {"hosts": [{"id": 1}]})


def test_only_what_belongs_to_the_pools_asked_for_is_in_the_file() -> None:
    from tests.strategies import host, pool, vm

    world = pool(2).with_host(host(7, pool="other")).with_vm(vm(1, "h0")).with_vm(vm(2, "h7"))
    file = pool_file(world, only=frozenset({"other"}))
    assert [str(one.id) for one in (*file.hosts, *file.vms)] == ["h7", "v2"]
    assert {str(one.id) for one in file.datastores} == {"ds-shared"}


def test_loads_keep_their_object() -> None:
    from tests.strategies import pool, vm

    loads = {"v1": {"cpu_percent": Percentiles(count=3, mean=1.0, p95=2.0)}}
    file = replace(pool_file(pool(1).with_vm(vm(1, "h0"))), loads=loads, loads_s=60)
    assert read_pool_file("x", json.loads(json.dumps(as_data(file)))) == file
    assert list(mask(file).loads) == ["v1"]


OUR_MAC = "02:aa:bb:00:00:01"


def racks() -> Inventory:
    """Blades that are spares, the first with a profile, the third a host; all names are ours."""
    world = bladed(3, serial="our-serial", tags=frozenset({"our-tag"}))
    profile = replace(
        DB, name="our-db", description="ours", ip="10.0.0.7", script="http://our/s",
        slot="our-bx/2", initiator="iqn.our:db",
        iscsi=(IscsiTarget(iqn="iqn.our:t", address="10.0.0.5"),),
        bios=(("our", "asset"),), image="our-image:2", tags=frozenset({"our-tag"}),
        ports=(replace(DB.ports[0], networks=(), address=OUR_MAC),),
        probe=Probe(address="our.db", port=22),
    )  # fmt: skip
    world = borne(world.with_profile(profile))
    third = replace(pool(1).hosts[HostId("h0")], id=HostId(THIRD), name="blade3", maintenance=True)
    return world.with_host(third)


def test_servers_and_profiles_read_back_give_the_same_plan() -> None:
    world = racks()
    text = yaml.dump(as_data(pool_file(world)))
    again = read_pool(parse_page("pool", text)).inventory
    assert digest(again) == digest(world)
    assert encode_plan(plan_fail_over(again, FIRST)) == encode_plan(plan_fail_over(world, FIRST))


def test_masked_servers_give_the_same_plan_and_tell_no_name() -> None:
    world = racks()
    file = pool_file(world)
    masked, of = mask(file), Masks(file).of
    old = plan_fail_over(world, FIRST)
    new = plan_fail_over(masked.inventory(), ServerId(HostId(of("host", FIRST))))
    assert [type(step.action) for step in new] == [type(step.action) for step in old]
    ids = [[to_builtins(step.action)["server"] for step in plan] for plan in (old, new)]
    assert [of("host", one) for one in ids[0]] == ids[1]
    assert of("host", THIRD) in masked.inventory().hosts, "a server that is a host is one still"
    bearer = masked.inventory().servers[ServerId(HostId(of("host", FIRST)))]
    assert bearer.bears == f"{of('profile', DB.id)}@1"
    told = json.dumps(as_data(masked))
    addresses = {port.permanent for one in world.servers.values() for port in one.ports}
    secret = ("our", "blade1", "bx1", "10.0.0", "iqn.2026", OUR_MAC, *addresses)
    assert [word for word in secret if word in told] == []


def test_who_bears_a_profile_of_a_pool_is_with_it() -> None:
    world = racks()
    far = replace(world.servers[FIRST], pool="far")
    file = pool_file(world.with_server(far), only=frozenset({"far"}))
    assert ([one.id for one in file.servers], [one.name for one in file.profiles]) == (
        [FIRST], ["our-db"],
    )  # fmt: skip
    file = pool_file(world.with_server(far), only=frozenset({"default"}))
    assert len(file.servers) == 3
