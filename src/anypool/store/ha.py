"""What high availability must not forget: charges, statements, fences, and when it last looked."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import bindparam, delete, select, update

from anypool.model import HostId, PlanId, Stated, VmId
from anypool.store import act
from anypool.store.audit import AuditRecord
from anypool.store.audit import append as append_audit
from anypool.store.ha_tables import ha_charges, ha_fences, ha_left, ha_pulse, ha_statements
from anypool.store.tx import Tx, from_row, to_row

_ONE = 1
_CHARGES = select(ha_charges).order_by(ha_charges.c.vm)
_STANDING = (
    select(ha_statements).where(ha_statements.c.void_at == 0).order_by(ha_statements.c.number)
)
_FENCES = select(ha_fences).where(ha_fences.c.age_s < bindparam("within_s"))
_AGED = update(ha_fences).where(
    (ha_fences.c.plan == bindparam("this")) & (ha_fences.c.at == bindparam("of"))
)
_PULSE = select(ha_pulse).where(ha_pulse.c.id == _ONE)
_LEFT = select(ha_left).order_by(ha_left.c.vm, ha_left.c.host)
_OF_VM = delete(ha_charges)
_MOVED = update(ha_charges).where(ha_charges.c.vm == bindparam("this"))


class Charge(Struct, frozen=True, kw_only=True, gc=False):
    """A VM that is to run: `host` is where it last ran; `tries` counts starts after a failure."""

    vm: VmId
    host: HostId
    since: float
    tries: int = 0


class Fence(Struct, frozen=True, kw_only=True, gc=False):
    """A host that a plan switched off: when by the clock of the wall, and how long ago it was."""

    plan: PlanId
    host: HostId
    at: float
    age_s: float


class Pulse(Struct, frozen=True, kw_only=True, gc=False):
    """When the hosts were last looked at; `cold_at` is when that began with nothing known before.

    0 for never, and for a beginning with fresh observations of another manager.
    """

    at: float = 0.0
    cold_at: float = 0.0


def charges(tx: Tx) -> tuple[Charge, ...]:
    """Return all charges by VM."""
    return tuple(from_row(row, Charge) for row in tx.rows(_CHARGES))


def put_charges(tx: Tx, changed: Iterable[Charge], dropped: Iterable[Charge]) -> None:
    """Keep charges, and forget others, but not those of VMs that were started anew since."""
    tx.put(ha_charges, [to_row(one) for one in changed])
    for one in dropped:
        tx.run(_OF_VM.where(ha_charges.c.vm == one.vm, ha_charges.c.since == one.since))


def stopped(tx: Tx, vm: VmId) -> None:
    """Keep that a VM is not to run."""
    tx.run(_OF_VM.where(ha_charges.c.vm == vm))


def moved(tx: Tx, vm: VmId, host: HostId) -> None:
    """Keep where a VM runs now, if it is a charge."""
    tx.run(_MOVED, [{"this": vm, "host": host}])


def started(tx: Tx, vm: VmId, host: HostId) -> None:
    """Keep that a VM is to run, unless that is known."""
    tx.put_new(ha_charges, [to_row(Charge(vm=vm, host=host, since=tx.now))])


def state(tx: Tx, host: HostId, at: float, words: str) -> Stated:
    """Keep what whoever acts in this transaction says of a host, chained into the audit trail."""
    doing = act.current()
    assert doing is not None
    row = AuditRecord(
        who=doing.who,
        role=doing.role,
        proof=doing.proof,
        deed=doing.deed,
        object_kind="host",
        object_id=host,
        request=act.request(),
        detail=f"says that the host is dead: {words}",
    )
    said = Stated(host=host, at=at, by=doing.who, words=words, audit=append_audit(tx, row).number)
    columns = {name: value for name, value in to_row(said).items() if name != "type"}
    tx.add(ha_statements, {**columns, "void_at": 0.0})
    return said


def standing(tx: Tx) -> tuple[Stated, ...]:
    """Return the statements that stand, oldest first."""
    return tuple(from_row(row, Stated) for row in tx.rows(_STANDING))


def refute(tx: Tx, host: HostId) -> None:
    """Take note that a host of which somebody said that it is dead has shown life."""
    stands = (ha_statements.c.host == host) & (ha_statements.c.void_at == 0)
    tx.run(update(ha_statements).where(stands).values(void_at=tx.now))


def void_all(tx: Tx) -> tuple[HostId, ...]:
    """Void every statement that stands, and return about whom they were."""
    hosts = tuple(dict.fromkeys(one.host for one in standing(tx)))
    stands = ha_statements.c.void_at == 0
    tx.run(update(ha_statements).where(stands).values(void_at=tx.now))
    return hosts


def note_fence(tx: Tx, plan: PlanId, host: HostId) -> None:
    """Take note that a plan is about to switch a host off, or has just done so."""
    tx.put(ha_fences, [{"plan": plan, "host": host, "at": tx.now, "age_s": 0.0}])


def fences(tx: Tx, within_s: float) -> tuple[Fence, ...]:
    """Return which hosts were switched off within so many seconds, as their ages were kept."""
    return tuple(from_row(row, Fence) for row in tx.rows(_FENCES, within_s=within_s))


def put_ages(tx: Tx, aged: Iterable[Fence]) -> None:
    """Keep how old each is; one that was noted anew meanwhile stays as it is."""
    rows = [{"this": one.plan, "of": one.at, "age_s": one.age_s} for one in aged]
    if rows:
        tx.run(_AGED, rows)


def pulse(tx: Tx) -> Pulse:
    """Return when the hosts were last looked at."""
    row = tx.row(_PULSE)
    return Pulse() if row is None else from_row(row, Pulse)


def put_pulse(tx: Tx, pulse: Pulse) -> None:
    """Take note that the hosts were looked at."""
    tx.put(ha_pulse, [{"id": _ONE, **to_row(pulse)}])


def left(tx: Tx) -> tuple[tuple[VmId, HostId], ...]:
    """Return which VMs may have left a copy where, by VM."""
    return tuple((VmId(row.vm), HostId(row.host)) for row in tx.rows(_LEFT))


def note_left(tx: Tx, copies: Iterable[tuple[VmId, HostId]]) -> None:
    """Take note where VMs are that are about to be started elsewhere, and where they will be."""
    tx.put_new(ha_left, [{"vm": vm, "host": host} for vm, host in copies])


def drop_left(tx: Tx, copies: Iterable[tuple[VmId, HostId]]) -> None:
    """Take note that no copy of these is left on these hosts."""
    for vm, host in copies:
        tx.run(delete(ha_left).where((ha_left.c.vm == vm) & (ha_left.c.host == host)))


def succeed(tx: Tx, before: frozenset[HostId], new: HostId) -> tuple[VmId, ...]:
    """Take note that hosts are on other hardware now; return the VMs that are to run there.

    Copies that were left there are there still.
    """
    for vm, host in left(tx):
        if host in before:
            drop_left(tx, ((vm, host),))
            note_left(tx, ((vm, new),))
    mine = [replace(one, host=new) for one in charges(tx) if one.host in before]
    put_charges(tx, mine, ())
    return tuple(one.vm for one in mine)
