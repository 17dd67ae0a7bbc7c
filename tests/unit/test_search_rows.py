"""Which rows a query keeps, in which order, and how fast."""

import msgspec
import pytest

from anypool.model import (
    Datastore,
    DatastoreId,
    Disk,
    EndpointId,
    Host,
    HostId,
    Inventory,
    Network,
    NetworkId,
    Nic,
    PMap,
    Vm,
    VmId,
    VmState,
)
from anypool.search import Noun, complete, parse


def pool() -> Inventory:
    inventory = Inventory()
    store = Datastore(id=DatastoreId("d1"), name="shared", path="/srv/vms", shared=True)
    inventory = inventory.with_datastore(store)
    inventory = inventory.with_network(Network(id=NetworkId("n1"), name="data"))
    for number in (1, 2, 10):
        host = Host(
            id=HostId(f"id-{number}"),
            name=f"h{number}",
            endpoint=EndpointId("e1"),
            memory_mib=4096,
            datastores=frozenset({DatastoreId("d1")} if number < 10 else ()),
        )
        inventory = inventory.with_host(host)
    places = [("web1", 1, 512, "prod"), ("web2", 2, 1024, "test"), ("Db", 10, 2048, "prod")]
    for name, number, memory, tag in places:
        vm = Vm(
            id=VmId(f"uuid-{name.lower()}"),
            name=name,
            host=HostId(f"id-{number}"),
            state=VmState.RUNNING,
            memory_mib=memory,
            vcpus=number,
            tags=frozenset({tag, "all"}),
            disks=(Disk(target="vda", volume=name, datastore=DatastoreId("d1")),),
            nics=(Nic(mac=f"52:54:00:00:00:{number:02x}", network=NetworkId("n1")),),
        )
        inventory = inventory.with_vm(vm)
    return inventory.with_vm(Vm(id=VmId("uuid-lost"), name="lost", host=None))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "Db lost web1 web2"),
        ("web", "web1 web2"),
        ("WEB*1", "web1"),
        ("prod", "Db web1"),
        ("name = db", "Db"),
        ("name != db", "lost web1 web2"),
        ("name = w*2", "web2"),
        ("name = 'w*2'", ""),
        ("name = web*b1", ""),
        ("name = *e*1*", "web1"),
        ("name ~ E", "web1 web2"),
        ("tag = prod and not tag = test", "Db web1"),
        ("tag != prod", "lost web2"),
        ("tag in (test, nothing)", "web2"),
        ("memory >= 1GiB", "Db web2"),
        ("memory = 512m", "web1"),
        ("vcpus > 1.5 and vcpus < 10", "web2"),
        ("state = stopped", "lost"),
        ("state > paused", "lost"),
        ("state in (running, crashed)", "Db web1 web2"),
        ("host = h1", "web1"),
        ("host.name = h1*", "Db web1"),
        ("host.name != h1", "Db lost web2"),
        ('host = ""', "lost"),
        ("host.datastore = shared", "web1 web2"),
        ("host.datastore.path ~ vms", "web1 web2"),
        ("network = data", "Db web1 web2"),
        ("mac = 52:54:00:00:00:0a", "Db"),
        ("shareable = yes", ""),
        ("shareable = no and disks = 0", "lost"),
        ("host.memory-free < 3GiB", "Db"),
    ],
)
def test_rows_kept(text: str, names: str) -> None:
    inventory = pool()
    kept = parse(text, Noun.VM).filter(inventory.vms.values(), inventory)
    assert sorted(vm.name for vm in kept) == names.split()


def test_a_host_is_found_by_its_vms_and_their_number() -> None:
    inventory = pool()
    hosts = list(inventory.hosts.values())
    for text in ("host where vm.tag = test", "host where vm.name ~ 2 and vms = 1"):
        assert [host.name for host in parse(text).filter(hosts, inventory)] == ["h2"]


def test_order_is_natural_and_stable_and_limit_cuts() -> None:
    inventory = pool()
    hosts = sorted(inventory.hosts.values(), key=lambda host: host.name)
    assert [host.name for host in hosts] == ["h1", "h10", "h2"]
    query = parse("host order by memory, name desc limit 2")
    assert [host.name for host in query.filter(hosts, inventory)] == ["h10", "h2"]
    vms = parse("vm order by host.name").filter(inventory.vms.values(), inventory)
    assert [vm.name for vm in vms] == ["lost", "web1", "web2", "Db"]


class Happened(msgspec.Struct):
    number: int
    at: float
    kind: str = "vm.started"
    severity: str = "info"
    subject_kind: str = "vm"
    subject_id: str = "uuid-1"
    by: str = "ann"
    message: str = "web1 started"


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("at >= -2h", [3, 4]),
        ("at < -2h", [1, 2]),
        ("at = today", [2, 3, 4]),
        ("at = yesterday", [1]),
        ("at = 2026-11-21", [2, 3, 4]),
        ("at > 2026-11-20", [2, 3, 4]),
        ("at <= 2026-11-21T06:00", [1, 2]),
        ("severity >= warning", [4]),
        ("started by order by number desc limit 1", []),
    ],
)
def test_times_and_severities(text: str, numbers: list[int]) -> None:
    midnight = 1795219200.0
    rows = [
        Happened(1, midnight - 3600),
        Happened(2, midnight + 6 * 3600),
        Happened(3, midnight + 11 * 3600),
        Happened(4, midnight + 12 * 3600 - 1, severity="error"),
        Happened(5, 0.0),
    ]
    if "by order" in text:
        with pytest.raises(Exception, match="column"):
            parse(text, Noun.EVENT)
        return
    kept = parse(text, Noun.EVENT).filter(rows, Inventory(), now=midnight + 12 * 3600)
    assert [row.number for row in kept] == numbers


def test_many_rows_are_joined_and_filtered() -> None:
    inventory = pool()
    base = inventory.vm(VmId("uuid-web1"))
    vms = {
        f"u{n}": msgspec.structs.replace(base, id=VmId(f"u{n}"), name=f"vm{n}", vcpus=n % 9)
        for n in range(4_000)
    }
    inventory = inventory._replace(vms=PMap.of(vms))  # type: ignore[arg-type]
    text = "vm where host.name = h1 and memory >= 256MiB and tag = prod and name ~ 7 order by vcpus"
    kept = parse(text).filter(inventory.vms.values(), inventory)
    assert {vm.name for vm in kept} == {f"vm{n}" for n in range(4_000) if "7" in str(n)}
    assert [vm.vcpus for vm in kept] == sorted(vm.vcpus for vm in kept)


@pytest.mark.timeout(60)
def test_a_pattern_of_many_stars_ends() -> None:
    """With backtracking it would take longer than anybody lives."""
    row = Happened(1, 1.0, message="a" * 100_000)
    query = parse("message = " + "*a" * 400 + "*b", Noun.EVENT)
    assert query.filter([row], Inventory()) == []


@pytest.mark.parametrize(
    ("text", "noun", "wanted"),
    [
        ("", None, "vm"),
        ("h", None, "host"),
        ("vm wh", Noun.VM, ""),
        ("", Noun.VM, "name"),
        ("mem", Noun.VM, "memory"),
        ("host.na", Noun.VM, "host.name"),
        ("vm where memory ", None, ">="),
        ("state = ", Noun.VM, "running"),
        ("state = run", Noun.VM, "running"),
        ("host.name = ", Noun.VM, "h1"),
        ("tag in (prod, ", Noun.VM, "test"),
        ("tag = prod ", Noun.VM, "and"),
        ("tag = prod and not ", Noun.VM, "name"),
        ("tag = prod order ", Noun.VM, "by"),
        ("order by ", Noun.VM, "memory"),
        ("order by memory ", Noun.VM, "desc"),
        ('name = "we', Noun.VM, "web1"),
        ("shareable = ", Noun.VM, "yes"),
    ],
)
def test_completion(text: str, noun: Noun | None, wanted: str) -> None:
    found = complete(text, len(text), pool(), noun)
    texts = [one.text for one in found.suggestions]
    assert wanted in texts if wanted else not texts


def test_completion_counts_values_and_says_what_it_replaces() -> None:
    found = complete("tag = pr and memory", 8, pool(), Noun.VM)
    assert (found.start, found.end) == (6, 8)
    assert [(one.text, one.count) for one in found.suggestions] == [("prod", 2)]
