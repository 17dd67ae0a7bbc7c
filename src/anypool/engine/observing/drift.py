"""What changes beside us, written down with who and when where the platform tells.

A platform's remark becomes an event: its words, who did it and at which endpoint, the
moment by its clock, and what was seen to differ. What our own runs do is not drift.
Nothing here changes anything back.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from anypool.engine.observing.board import Board, Notice
from anypool.errors import AnypoolError
from anypool.model import EndpointId, HostId, Inventory, Remark, Vm
from anypool.plan import Reason, reason, say
from anypool.store import Store, Tx, events
from anypool.store.records import EventRecord, Severity

log = logging.getLogger(__name__)

MOST = 200
"""Remarks of one call that become events; of more than that it is told that there are."""
LONGEST = 400
LATELY_S = 60.0
"""For so long after a step a platform may still tell of it."""


class Drift:
    """Writes remarks down."""

    def __init__(self, store: Store, board: Board) -> None:
        self._store = store
        self._board = board

    def note(self, endpoint: EndpointId, remarks: tuple[Remark, ...], before: Inventory) -> None:
        """Keep an event for each remark; `before` is the pool before it was read for them.

        A database that does not answer costs the events and nothing else: they are a record
        of what vCenter keeps anyway.
        """
        if not remarks:
            return
        try:
            found = self._foreign(remarks)
            told = tuple(_events(endpoint, found[:MOST], before, self._board.inventory))
            if len(found) > MOST:
                told += (_more(endpoint, len(found) - MOST),)
            if not told:
                return
            with self._store.writing() as tx:
                for event in told:
                    events.append(tx, event)
        except AnypoolError as error:
            log.warning("what %s says of changes is not kept: %s", endpoint, error)
            return
        self._board.tell((Notice("event"),))

    def _foreign(self, remarks: tuple[Remark, ...]) -> tuple[Remark, ...]:
        """Return the remarks that are not about what our runs do, or did a moment ago."""
        if not any(one.own for one in remarks):
            return remarks
        with self._store.reading() as tx:
            return tuple(one for one in remarks if not (one.own and _by_us(tx, one)))


def _by_us(tx: Tx, remark: Remark) -> bool:
    kind, key = _subject(remark, EndpointId(""))
    return events.worked_on(tx, kind, key, LATELY_S)


def _events(
    endpoint: EndpointId, remarks: Iterable[Remark], before: Inventory, after: Inventory
) -> Iterator[EventRecord]:
    """Return an event for each remark; what differs is told with the last one about a VM."""
    remarks = tuple(remarks)
    last = {one.vm: at for at, one in enumerate(remarks) if one.vm is not None}
    for at, one in enumerate(remarks):
        said = reason("drift.said", what=_text(one.what), at=_moment(one.at))
        if one.vm is not None and last[one.vm] == at:
            old, new = before.vms.get(one.vm), after.vms.get(one.vm)
            changes = differences(old, new, after)
            if one.if_seen and not changes:
                continue
            said = reason("drift.changed", said=said, changes=changes) if changes else said
        kind, subject = _subject(one, endpoint)
        yield EventRecord(
            kind=f"{kind}.drifted",
            message=say(said),
            said=said,
            subject_kind=kind,
            subject_id=subject,
            by=f"{_text(one.by) or 'somebody'} at {endpoint}",
        )


def _subject(remark: Remark, endpoint: EndpointId) -> tuple[str, str]:
    if remark.vm is not None:
        return "vm", remark.vm
    if remark.host is not None:
        return "host", remark.host
    return "endpoint", endpoint


def _more(endpoint: EndpointId, count: int) -> EventRecord:
    said = reason("drift.many", count=count)
    return EventRecord(
        kind="endpoint.drifted",
        message=say(said),
        said=said,
        severity=Severity.WARNING,
        subject_kind="endpoint",
        subject_id=endpoint,
    )


def differences(old: Vm | None, new: Vm | None, pool: Inventory) -> tuple[Reason, ...]:
    """Return what differs between two readings of a VM, in words; none if nothing does."""
    if old is None or new is None:
        if old is new:
            return ()
        return (reason("drift.new" if old is None else "drift.gone"),)
    return tuple(_differences(old, new, pool))


def _differences(old: Vm, new: Vm, pool: Inventory) -> Iterator[Reason]:
    if old.name != new.name:
        yield reason("drift.name", before=old.name, after=new.name)
    if old.host != new.host:
        yield reason("drift.host", before=_host(old.host, pool), after=_host(new.host, pool))
    if old.state != new.state:
        yield reason("drift.state", before=old.state, after=new.state)
    if old.vcpus != new.vcpus:
        yield reason("drift.vcpus", before=old.vcpus, after=new.vcpus)
    if old.memory_mib != new.memory_mib:
        yield reason("drift.memory", before=old.memory_mib, after=new.memory_mib)
    yield from _counted(old.disks, new.disks, "drift.disks", "drift.disk")
    yield from _counted(old.nics, new.nics, "drift.adapters", "drift.adapter")
    if len(old.snapshots) != len(new.snapshots):
        before, after = len(old.snapshots), len(new.snapshots)
        yield reason("drift.snapshots", before=before, after=after)
    if old.resources != new.resources:
        yield reason("drift.shares")


def _counted(
    old: tuple[object, ...], new: tuple[object, ...], many: str, one: str
) -> Iterator[Reason]:
    if len(old) != len(new):
        yield reason(many, before=len(old), after=len(new))
    elif old != new:
        yield reason(one)


def _host(key: HostId | None, pool: Inventory) -> str:
    if key is None:
        return "-"
    known = pool.hosts.get(key)
    return key if known is None else known.name


def _moment(at: float) -> str:
    """Return a moment as people at the platform read it; "?" for one that cannot be."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "?"


def _text(said: str) -> str:
    """Return a platform's words on one line, printable and not too long."""
    words = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
