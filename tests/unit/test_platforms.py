"""VMs and the platforms they are made for, in one pool with hosts of several."""

import pytest
from msgspec.structs import replace

from anypool.engine.observing.merge import lay_over_host, merge_datastore
from anypool.exchange.masking import mask
from anypool.exchange.poolfile import PoolFile
from anypool.model import (
    Bound,
    Capability,
    Datastore,
    DatastoreId,
    EndpointId,
    Host,
    HostId,
    Inventory,
    Locking,
    Vm,
    VmId,
    VmState,
)
from anypool.plan import MigrateVm, Plan, Step, check, reason
from anypool.planner.field import Field
from anypool.planner.place import unsuited
from anypool.planner.rebalance.suits import allowed
from anypool.planner.sieve import suited
from anypool.search import Noun, parse
from anypool.store.records import DatastoreFacts, HostFacts


def host(name: str, platform: str, cluster: str = "") -> Host:
    return Host(
        id=HostId(name),
        name=name,
        endpoint=EndpointId(platform),
        memory_mib=4096,
        platform=platform,
        peer_uri=f"pool://{name}",
        cluster=cluster,
        place="DC0/east" if cluster else "",
        labels=frozenset({"owner=ada"}) if cluster else frozenset(),
        capabilities=frozenset(Capability),
    )


HOSTS = (host("e1", "esxi", "gold"), host("e2", "esxi", "gold"), host("k1", "qemu"))
VM = Vm(
    id=VmId("v"),
    name="web",
    host=HostId("e1"),
    state=VmState.RUNNING,
    memory_mib=512,
    place="DC0/prod",
    labels=frozenset({"tier=1"}),
    resource_pool="gold/web",
)


def pool() -> Inventory:
    made = Inventory()
    for one in HOSTS:
        made = made.with_host(one)
    return made.with_vm(VM)


@pytest.mark.parametrize(("target", "refused"), [("e2", False), ("k1", True)])
def test_a_plan_that_brings_a_vm_to_another_platform_is_objected_to(
    target: str, refused: bool
) -> None:
    move = MigrateVm(vm=VM.id, source=HostId("e1"), target=HostId(target))
    plan = Plan(goal="", steps=(Step(number=1, action=move, why=reason("asked", who="a")),))
    wrong = reason("check.platform", vm="v", host=target)
    assert (wrong in check.objections(plan, pool())) is refused


def test_hosts_asked_all_at_once_are_those_of_the_platform_too() -> None:
    inventory = pool()
    field = Field(inventory)
    mask = suited(field, VM)
    assert [key for key, fits in zip(field.ids, mask, strict=True) if fits] == ["e1", "e2"]
    assert [key for key in field.ids if unsuited(inventory, VM, inventory.hosts[key]) is None] == [
        "e1",
        "e2",
    ]
    bounds: tuple[Bound, ...] = ()
    may = allowed(inventory, [inventory.hosts[key] for key in field.ids], [VM], bounds)
    assert may is not None
    assert may.tolist() == [[True, True, False]]


@pytest.mark.parametrize(
    ("noun", "query", "found"),
    [
        (Noun.HOST, "cluster = gold", {"e1", "e2"}),
        (Noun.HOST, 'place = "DC0/east"', {"e1", "e2"}),
        (Noun.HOST, 'label = "owner=ada"', {"e1", "e2"}),
        (Noun.HOST, "platform = qemu", {"k1"}),
        (Noun.VM, "cluster = gold", {"web"}),
        (Noun.VM, "place = DC0*", {"web"}),
        (Noun.VM, 'label = "tier=1"', {"web"}),
        (Noun.VM, 'resource-pool = "gold/web"', {"web"}),
        (Noun.VM, "template = true", set()),
    ],
)
def test_what_a_vcenter_says_can_be_searched(noun: Noun, query: str, found: set[str]) -> None:
    inventory = pool()
    records = inventory.hosts if noun is Noun.HOST else inventory.vms
    seen = parse(query, noun).filter(records.values(), inventory)
    assert {one.name for one in seen} == found


def test_a_masked_pool_names_no_cluster_folder_or_label() -> None:
    made = mask(PoolFile(hosts=HOSTS, vms=(VM,)))
    text = repr(made)
    assert not [word for word in ("gold", "DC0", "ada", "tier") if word in text]
    assert len({one.cluster for one in made.hosts}) == 2


def test_a_host_that_its_platform_set_aside_is_in_maintenance() -> None:
    aside = replace(HOSTS[0], set_aside=True)
    assert lay_over_host(aside, None, current=True).maintenance
    assert lay_over_host(aside, HostFacts(host=aside.id), current=True).maintenance
    assert not lay_over_host(HOSTS[0], None, current=True).maintenance


def test_a_platform_s_locks_count_until_an_administrator_says_otherwise() -> None:
    store = Datastore(id=DatastoreId("d"), name="d", locking=Locking.EFFECTIVE)
    tagged = DatastoreFacts(datastore=store.id, tags=frozenset({"fast"}))
    stated = DatastoreFacts(datastore=store.id, locking=Locking.NONE)
    assert merge_datastore([(store, True)], None) == store
    seen = merge_datastore([(store, True)], tagged)
    assert seen is not None
    assert (seen.locking, seen.tags) == (Locking.EFFECTIVE, {"fast"})
    seen = merge_datastore([(store, True)], stated)
    assert seen is not None
    assert seen.locking is Locking.NONE
