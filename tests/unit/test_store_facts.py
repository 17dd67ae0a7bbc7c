from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, select, update

from anypool.clock import ManualClock
from anypool.errors import Busy, Conflict, StoreFailed
from anypool.model import (
    Boot,
    Datastore,
    DatastoreId,
    Disk,
    Endpoint,
    EndpointId,
    Host,
    HostId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Locking,
    Network,
    NetworkId,
    Origin,
    Vm,
    VmId,
    VmState,
)
from anypool.store import Store, facts, idempotency, observed, secrets, tables
from anypool.store.records import DatastoreFacts, HostFacts, StoredResponse, VmFacts
from tests.unit import store_kit

clock = store_kit.clock
store = store_kit.store

TAGS = frozenset({"prod", "a b", "ü"})
ENDPOINT = Endpoint(
    id=EndpointId("e1"), driver="sim", uri="sim://a", options=(("x", "1"), ("y", ""))
)
FIRST = ImageVersion(
    number=1,
    copies=(ImageCopy(datastore=DatastoreId("d1"), volume="debian.qcow2", read_at=1.5),),
    digest="sha256:" + "a" * 64,
    boot=Boot(kernel="/k", cmdline="quiet"),
)
IMAGE = Image(
    id=ImageId("i1"),
    name="debian",
    versions=(FIRST, ImageVersion(number=3, deprecated=True)),
    same=((2, 1),),
    last=3,
)
ORIGIN = Origin(image=IMAGE.id, version=2)
HOST = Host(id=HostId("h1"), name="h1", endpoint=ENDPOINT.id, memory_mib=2**30)
VM = Vm(
    id=VmId("v1"),
    name="v1",
    host=HOST.id,
    state=VmState.RUNNING,
    disks=(Disk(target="vda", volume="v1.qcow2", size_bytes=2**40),),
    tags=TAGS,
)


@pytest.mark.parametrize(
    ("shelf", "key", "record", "changed"),
    [
        (facts.endpoints, "e1", ENDPOINT, replace(ENDPOINT, pool="west")),
        (facts.hosts, "h1", HostFacts(host=HOST.id, tags=TAGS), HostFacts(host=HOST.id, name="x")),
        (facts.vms, "v1", VmFacts(vm=VM.id, tags=TAGS, origin=ORIGIN), VmFacts(vm=VM.id)),
        (
            facts.datastores,
            "d1",
            DatastoreFacts(datastore=DatastoreId("d1"), locking=Locking.NONE),
            DatastoreFacts(datastore=DatastoreId("d1"), tags=TAGS),
        ),
        (facts.images, "i1", IMAGE, replace(IMAGE, versions=(), memory_mib=2**45)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_shelf_keeps_one_record_by_id(store: Store, shelf, key, record, changed) -> None:  # type: ignore[no-untyped-def]
    with store.writing() as tx:
        assert shelf.get(tx, key) is None
        shelf.put(tx, record)
        assert shelf.get(tx, key) == record
        shelf.put(tx, changed)
    with store.writing() as tx:
        assert shelf.all(tx) == (changed,)
        assert shelf.delete(tx, key)
        assert not shelf.delete(tx, key)
        assert shelf.all(tx) == ()


def test_an_image_name_is_taken_once(store: Store) -> None:
    with store.writing() as tx:
        facts.images.put(tx, IMAGE)
    with pytest.raises(Conflict), store.writing() as tx:
        facts.images.put(tx, replace(IMAGE, id=ImageId("i2")))


def test_the_last_known_state_comes_back(store: Store, clock: ManualClock) -> None:
    datastore = Datastore(id=DatastoreId("d1"), name="shared", capacity_bytes=2**50)
    network = Network(id=NetworkId("n1"), name="data")
    with store.writing() as tx:
        observed.put_many(tx, [HOST, VM, datastore, network])
    clock.advance(9)
    with store.writing() as tx:
        observed.put_many(tx, [replace(VM, state=VmState.STOPPED)], [(Network, "n1"), (Vm, "v9")])
    with store.reading() as tx:
        known = observed.load(tx)
    assert known.hosts == (HOST,)
    assert known.vms == (replace(VM, state=VmState.STOPPED),)
    assert (known.datastores, known.networks) == ((datastore,), ())
    assert known.seen_at["v1"] - known.seen_at["h1"] == 9


def test_what_another_release_observed_is_counted(store: Store) -> None:
    row = {"kind": "cluster", "id": "c", "seen_at": 0.0, "body": b"\xc1"}
    with store.writing() as tx:
        observed.put_many(tx, [HOST])
        tx.run(insert(tables.observed).values([row, {**row, "kind": "vm"}]))
        assert observed.load(tx).unreadable == 2
        assert observed.load(tx).hosts == (HOST,)


def test_many_are_remembered_at_once(store: Store) -> None:
    many = [replace(VM, id=VmId(f"v{number}")) for number in range(3000)]
    with store.writing() as tx:
        observed.put_many(tx, many)
        observed.put_many(tx, [], [(Vm, vm.id) for vm in many[1:]])
        assert len(observed.load(tx).vms) == 1


def test_a_secret_is_sealed(store: Store) -> None:
    with store.writing() as tx:
        assert secrets.get(tx, "e1", "password") == ""
        secrets.put(tx, "e1", "password", "geheim")
        secrets.put(tx, "e1", "password", "canary-ü")
        secrets.put(tx, "e2", "password", "canary-ü")
    with store.reading() as tx:
        assert secrets.get(tx, "e1", "password") == "canary-ü"
        rows = tx.rows(select(tables.secrets))
    assert all(b"canary" not in row.sealed for row in rows)
    assert rows[0].sealed != rows[1].sealed
    with store.writing() as tx:
        assert secrets.delete_all(tx, "e1") == 1
        assert secrets.get(tx, "e1", "password") == ""


@pytest.mark.parametrize("change", [{"object": "e2"}, {"field": "key"}, {"sealed": 32 * b"x"}])
def test_a_secret_opens_only_where_it_belongs(store: Store, change: dict[str, object]) -> None:
    with store.writing() as tx:
        secrets.put(tx, "e1", "password", "geheim")
        tx.run(update(tables.secrets).values(change))
        where = {"object": "e1", "field": "password", **change}
        with pytest.raises(StoreFailed, match="altered"):
            secrets.get(tx, str(where["object"]), str(where["field"]))


def test_the_key_file_is_private_and_needed(tmp_path: Path, clock: ManualClock) -> None:
    url, key = f"sqlite:///{tmp_path}/anypool.db", tmp_path / "elsewhere" / "key"
    key.parent.mkdir()
    first = Store.open(url, clock=clock, key_file=key)
    assert not key.exists()
    with first.writing() as tx:
        secrets.put(tx, "e1", "password", "geheim")
    first.close()
    assert key.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in key.parent.iterdir()] == ["key"]

    def read() -> str:
        opened = Store.open(url, clock=clock, key_file=key)
        try:
            with opened.writing() as tx:
                secrets.put(tx, "e2", "password", "new")
                return secrets.get(tx, "e1", "password")
        finally:
            opened.close()

    assert read() == "geheim"
    key.chmod(0o644)
    with pytest.raises(StoreFailed, match="others may read") as shown:
        read()
    assert "chmod 600" in shown.value.hint
    key.unlink()
    with pytest.raises(StoreFailed, match="cannot read the key file"):
        read()
    assert not key.exists()
    key.write_text("00" * 32)
    key.chmod(0o600)
    with pytest.raises(StoreFailed, match="another key"):
        read()
    key.write_text("no key")
    with pytest.raises(StoreFailed, match="holds no key"):
        read()


def test_a_request_is_done_once(store: Store, clock: ManualClock) -> None:
    response = StoredResponse(status=202, body=b"{}", location="/api/v1/operations/r1")
    with store.writing() as tx:
        assert idempotency.remember(tx, "k", "ada", "hash") is None
        with pytest.raises(Busy):
            idempotency.remember(tx, "k", "ada", "hash")
        idempotency.answer(tx, "k", "ada", response)
    with store.writing() as tx:
        assert idempotency.remember(tx, "k", "ada", "hash") == response
        with pytest.raises(Conflict):
            idempotency.remember(tx, "k", "ada", "other")
        assert idempotency.remember(tx, "k", "bob", "other") is None
        idempotency.forget(tx, "k", "bob")
        assert idempotency.remember(tx, "k", "bob", "third") is None
        assert idempotency.forget_before(tx, clock.now() + 1) == 2
