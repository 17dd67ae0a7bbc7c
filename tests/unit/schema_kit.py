"""A database of every released schema, with rows in every table: `tests/golden/schemas`.

`NNNN.sql` is the dump of an SQLite database as a release with that schema left it: its
tables, and rows that a manager wrote there, a run among them that was under way. `key` is
the key of its secrets and `key.audit` that of its audit trail; they guard nothing else. A
file is never edited: `.venv/bin/python -m tests.unit.schema_kit` adds those that are missing,
out of what the code of today writes, so run it before a schema is released, not after.
"""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from anypool.clock import ManualClock
from anypool.engine.loads.recorder import Recorder
from anypool.engine.loads.rollup import Rollup
from anypool.engine.records.archive import Archive
from anypool.engine.rollouts import Expected, begun
from anypool.model import (
    Bmc,
    Booking,
    BookingId,
    Component,
    DatastoreId,
    Endpoint,
    EndpointId,
    HostId,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Inventory,
    Locking,
    Mail,
    Notification,
    NotificationId,
    PlanId,
    Policy,
    PolicyId,
    Pool,
    PoolId,
    RolloutWish,
    RunId,
    Service,
    ServiceId,
    VmId,
)
from anypool.model.policy import Apart
from anypool.plan import PlanState, decode_plan, reason, say
from anypool.store import (
    Store,
    Tx,
    act,
    audit,
    bookings,
    certificates,
    connect,
    events,
    facts,
    ha,
    idempotency,
    measurements,
    notify,
    observed,
    people,
    planinputs,
    plans,
    retention,
    runs,
    secrets,
    sessions,
    tables,
    tokens,
)
from anypool.store.measurements import Measurement
from anypool.store.migrate import migrate, newest, revisions
from anypool.store.planinputs import StoredInputs
from anypool.store.portable.alone import patient
from anypool.store.records import (
    DatastoreFacts,
    EventRecord,
    HostFacts,
    Role,
    RunRecord,
    RunState,
    StepRecord,
    StepState,
    StoredResponse,
    UserRecord,
    VmFacts,
    Watched,
)
from anypool.store.restored_tables import restoration, unread
from anypool.store.tables import metadata
from tests import strategies as pools
from tests.unit.schema_managers import managers
from tests.unit.schema_servers import servers
from tests.unit.store_kit import readings

KEYS = ("key", "key.audit")
FOLDER = Path(__file__).parents[1] / "golden" / "schemas"
PLANS = FOLDER.parent / "plans"
PLAN, WAITING, RUN, DONE = PlanId("plan-1"), PlanId("plan-2"), RunId("run-1"), RunId("run-0")
PASSWORD = "the password of h1"
HOUR = 1_700_002_800.0  # a full one


def main() -> None:
    """Make the files that are missing."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = _written(Path(folder))
        for revision in revisions():
            file = FOLDER / f"{revision}.sql"
            if file.exists():
                continue
            if revision != newest():
                print(f"{revision} is not the newest schema: look whether {file} is as it was")
            file.write_text(_dump(Path(folder) / f"{revision}.db", revision, rows))
            print(file)


def load(revision: str, folder: Path) -> str:
    """Make a database out of a stored dump, its keys beside it; return its URL."""
    file = folder / "anypool.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript((FOLDER / f"{revision}.sql").read_text())
    _take_keys(file)
    return f"sqlite:///{file}"


def _take_keys(file: Path) -> None:
    """Lay the stored keys beside a database, readable for nobody else, if they are there."""
    for key in KEYS:
        if (FOLDER / key).exists():
            there = file.with_name(f"{file.name}.{key}")
            shutil.copy(FOLDER / key, there)
            there.chmod(0o600)


def contents(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table as plain values, whatever its schema is."""
    engine = connect.engine(connect.parse(url))
    found = sa.MetaData()
    try:
        with connect.reading(engine) as connection:
            patient(connection)
            found.reflect(connection)
            return {
                table.name: [dict(row._mapping) for row in connection.execute(_ordered(table))]
                for table in found.sorted_tables
                if not table.name.startswith("sqlite_")
            }
    finally:
        engine.dispose()


def _ordered(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).order_by(*table.primary_key.columns)


@contextmanager
def _open(file: Path, clock: ManualClock) -> Iterator[Store]:
    """A store with the stored keys; those that are missing are stored afterwards."""
    _take_keys(file)
    store = Store.open(f"sqlite:///{file}", clock=clock)
    try:
        yield store
    finally:
        store.close()
    for key in KEYS:
        shutil.copy(file.with_name(f"{file.name}.{key}"), FOLDER / key)


def _written(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return rows of every table, as the code of today writes them."""
    file, clock = folder / "today.db", ManualClock(HOUR)
    with _open(file, clock) as store:
        with store.writing() as tx:
            _old_trail(tx)
        clock.advance(86_400)
        with store.writing() as tx:
            audit.prune(tx, tx.now - 3600)
        with store.writing() as tx:
            for write in (_journal, _measured, _facts, servers, managers, _people, _rest):
                write(tx)
        _kept(store, clock)
    rows = contents(f"sqlite:///{file}")
    empty = [name for name in metadata.tables if not rows[name]]
    if empty:
        sys.exit(f"no row is written to {', '.join(empty)}: teach tests/unit/schema_kit.py")
    return rows


def _dump(file: Path, revision: str, rows: dict[str, list[dict[str, Any]]]) -> str:
    """Return the dump of a schema with as much of the rows as it has columns for."""
    engine = connect.engine(connect.parse(f"sqlite:///{file}"))
    there = sa.MetaData()
    with connect.writing(engine) as (connection, transaction):
        migrate(connection, str(file), revision)
        there.reflect(connection)
        for table in there.sorted_tables:
            if table.name in metadata.tables:
                connection.execute(sa.delete(table))
                connection.execute(sa.insert(table), [_fit(row, table) for row in rows[table.name]])
        if revision < "0004":  # what was stored before actions had versions
            body = (PLANS / "format-1.json").read_bytes()
            connection.execute(sa.text("UPDATE plans SET body = :body"), {"body": body})
        transaction.commit()
    engine.dispose()
    with closing(sqlite3.connect(file)) as database:
        return "\n".join(database.iterdump()) + "\n"


def _fit(row: dict[str, Any], table: sa.Table) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() & set(table.columns.keys())}


def _old_trail(tx: Tx) -> None:
    """Rows that a checkpoint stands for afterwards."""
    for number in range(3):
        audit.append(tx, audit.AuditRecord(who="ada", role="administrator", deed=f"old {number}"))


def _journal(tx: Tx) -> None:
    """A run under way, one that is over, and a plan that waits; all of every action there is."""
    plan = decode_plan((PLANS / "format-2.json").read_bytes())
    for key in (PLAN, WAITING, PlanId("plan-0")):
        plans.add(tx, key, plan, by="ada")
    plans.set_state(tx, PLAN, PlanState.RUNNING, only_from={PlanState.RECOMMENDED})
    why = reason("run.no-answer")
    done = RunRecord(id=DONE, plan=PlanId("plan-0"), state=RunState.RUNNING, by="ada")
    going = RunRecord(id=RUN, plan=PLAN, state=RunState.RUNNING, by="ada", started_at=tx.now)
    for run in (done, going):
        runs.add_run(tx, run, len(plan.steps))
        runs.put_step(tx, StepRecord(run=run.id, number=1, state=StepState.DONE, attempts=1))
    failed = RunRecord(
        id=DONE, plan=done.plan, state=RunState.FAILED, by="ada", message=say(why), said=why
    )
    runs.put_run(tx, failed)
    begun = StepRecord(run=RUN, number=2, state=StepState.BEGUN, attempts=2, begun_at=tx.now)
    runs.put_step(tx, begun)
    events.append(tx, EventRecord(kind="run.failed", message=say(why), said=why, run=DONE))
    told = EventRecord(kind="vm.appeared", message="v1 is new", subject_kind="vm", subject_id="v1")
    events.append(tx, told)


def _measured(tx: Tx) -> None:
    """What a plan was made from, and what a step took."""
    planinputs.put(tx, PLAN, StoredInputs("0.1.0", b'{"format":1,"inputs":{}}').packed())
    took = Measurement(
        run=RUN, step=1, at=tx.now, kind="migrate-vm", source="h1", target="h2", model=1,
        base_ms=1000, quoted_ms=1000, took_ms=1400, took_bytes=1 << 30, took_pause_ms=40,
    )  # fmt: skip
    measurements.put(tx, (took,))
    room = Booking(
        id=BookingId("booking-1"), name="web", host=HostId("h1"), memory_mib=512, vcpus=1,
        by="ada", made_at=tx.now, until=tx.now + 60,
    )  # fmt: skip
    bookings.add(tx, (room,))
    ha.put_charges(tx, (ha.Charge(vm=VmId("v1"), host=HostId("h1"), since=tx.now),), ())
    ha.note_fence(tx, PLAN, HostId("h2"))
    ha.note_left(tx, ((VmId("v1"), HostId("h2")),))
    ha.put_pulse(tx, ha.Pulse(at=tx.now))
    act.begin(act.Act(who="ada", role="operator", proof="session", deed="CONFIRM_DEATH"))
    ha.state(tx, HostId("h2"), tx.now, "unplugged")
    act.begin(None)


def _facts(tx: Tx) -> None:
    for name in ("h1", "h2"):
        facts.endpoints.put(
            tx,
            Endpoint(
                id=EndpointId(name),
                driver="libvirt",
                uri=f"qemu+ssh://{name}/system",
                pool="prod",
                options=(("keyfile", "/k"),),
            ),
        )
    facts.pools.put(tx, Pool(id=PoolId("default")))
    facts.pools.put(tx, Pool(id=PoolId("prod"), description="what earns money"))
    tagged = frozenset({"blue", "rack:r1"})
    facts.hosts.put(tx, HostFacts(host=HostId("h1"), maintenance=True, tags=tagged, name="one"))
    bmc = Bmc(host=HostId("h1"), url="https://10.0.0.9", user="operator", system="/s/1",
              fingerprint="ab" * 32, product="Made Up", identified=True)  # fmt: skip
    facts.bmcs.put(tx, bmc)
    facts.vms.put(tx, VmFacts(vm=VmId("v1"), tags=tagged))
    facts.datastores.put(
        tx, DatastoreFacts(datastore=DatastoreId("shared"), locking=Locking.NONE, tags=tagged)
    )
    copy = ImageCopy(datastore=DatastoreId("shared"), volume="debian.qcow2")
    image = Image(
        id=ImageId("image-1"),
        name="debian",
        versions=(ImageVersion(number=1, copies=(copy,), size_bytes=1 << 31),),
        last=1,
        description="the usual",
    )
    facts.images.put(tx, image)
    rule = Policy(id=PolicyId("apart"), scope="tag = web", rule=Apart())
    facts.policies.put(tx, rule)
    uneven = reason("watch.proposed", plan=WAITING)
    facts.watches.put(
        tx, Watched(policy=PolicyId("night"), since=tx.now, percent=7.5, said=uneven, plan=WAITING)
    )
    _rollout(tx)
    part = Component(name="web", image="debian", count=2)
    facts.services.put(tx, Service(id=ServiceId("shop"), components=(part,)))
    secrets.put(tx, "h1", "password", PASSWORD)
    inventory = _pool()
    observed.put_many(
        tx,
        [
            *inventory.hosts.values(),
            *inventory.vms.values(),
            *inventory.datastores.values(),
            *inventory.networks.values(),
        ],
        (),
    )


def _rollout(tx: Tx) -> None:
    first, second = HostId("h1"), HostId("h2")
    waves = ((first,), (second,))
    wish = RolloutWish(hosts=(first, second))
    begun(tx, PoolId("prod"), wish, "ada", Expected(waves, 2, WAITING))


def _people(tx: Tx) -> None:
    people.add_user(tx, UserRecord(name="ada", role=Role.ADMINISTRATOR, password_hash="$argon2id$"))
    people.add_user(tx, UserRecord(name="bob", role=Role.VIEWER, disabled=True))
    tokens.add_token(tx, "ada", (Role.OPERATOR, ("OPERATE_VM",)), label="ci", ttl_s=86_400.0)
    sessions.open_session(tx, "ada", ttl_s=3600.0)
    sessions.make_code(tx, "ada", ttl_s=900.0)
    sessions.note_failure(tx, "eve", keep_s=3600.0)


def _rest(tx: Tx) -> None:
    idempotency.remember(tx, "key-1", "ada", "hash")
    idempotency.answer(tx, "key-1", "ada", StoredResponse(status=201, body=b"{}", location="/x"))
    idempotency.remember(tx, "key-2", "ada", "hash")
    retention.note(tx, "events", 7)
    _told(tx)
    audit.append(tx, audit.AuditRecord(who="ada", role="administrator", deed="MANAGE_ENDPOINTS"))
    tx.run(tables.lease.update().values(holder="old:1:a", epoch=7, renewals=42, ttl_s=10.0))
    ago = {"id": 1, "at": tx.now, "backup_at": tx.now - 3600, "release": "0.1.0", "ended_at": 0.0}
    tx.put(restoration, [{**ago, "endpoints": 2, "runs": 1, "audit_from": 0}])
    tx.add(unread, {"endpoint": "h2", "vouched_by": ""})


def _told(tx: Tx) -> None:
    """A rule of notifications, and a letter that waits."""
    mail = Mail(server="mail.example:587", to=("ops@example",), sender="anypool@example", user="a")
    rule = Notification(id=NotificationId("ops"), receiver=mail)
    notify.add(tx, rule, {notify.SECRET: PASSWORD})
    event = EventRecord(kind="host.away", message="h1 is silent", number=1, at=tx.now)
    letter = notify.Letter(
        id="msg_1", notification=rule.id, kind=event.kind, event=event,
        made_at=tx.now, due_at=tx.now, more=("h2 is silent",), count=2, gathers=True,
    )  # fmt: skip
    notify.put(tx, (letter,))
    bmc = certificates.Known(id="bmc:h1", what="the BMC of h1", place="10.0.0.9:443", until=HOUR)
    certificates.put(tx, bmc)


def _kept(store: Store, clock: ManualClock) -> None:
    """Loads of a day that was rolled up and of an hour that is open, and an inventory."""
    Archive(store).keep(_pool())
    recorder = Recorder(store, clock, 600)
    for _ in range(24 * 6):
        recorder.take(readings(10.0, 100.0, 0.0, 0.0, 0.0, 0.0))
        clock.advance(600)
        recorder.flush()
    for _ in range(2):
        clock.advance(3600)
        recorder.take(readings(20.0, 100.0, 0.0, 0.0, 0.0, 0.0))
        clock.advance(600)
        recorder.flush()
    Rollup(store).run(clock.now(), lambda: True)


def _pool() -> Inventory:
    return pools.pool(2).with_vm(pools.vm(1, "h1")).with_vm(pools.vm(2, None))


if __name__ == "__main__":
    main()
