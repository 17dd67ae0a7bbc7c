"""Making volumes so that it can be repeated: what a step began is known after a crash.

Volumes carry no tag, so a step first writes its own mark, a tiny volume named after its
tag, and only when none of the names it is going to use is taken. Whatever bears those
names while the mark is there is the step's own work; the mark goes when the work is
done or undone.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from anypool.drivers.libvirt import volumes
from anypool.drivers.libvirt.pools import OWN_PREFIX
from anypool.drivers.libvirt.volumes import Volumes
from anypool.drivers.libvirt.xml_domain import Placed
from anypool.errors import AnypoolError, Busy, OutcomeUnknown, Unreachable
from anypool.model import DatastoreId, DiskWish

MAKING = f"{OWN_PREFIX}making-"


@contextmanager
def made(store: Volumes, wishes: tuple[DiskWish, ...], tag: str) -> Iterator[tuple[Placed, ...]]:
    """Make the volumes, let the caller use them, and undo all of it if that fails.

    Raises `Conflict` when a volume of another origin has one of the names. Nothing is
    undone when the connection broke: the step is repeated or given up after looking.
    """
    for wish in wishes:
        volumes.check(wish)
    if not wishes:
        yield ()
        return
    mark = _mark_of(tag)
    where = wishes[0].datastore
    if store.find(where, mark, refresh=False) is None:
        for wish in wishes:
            if store.find(wish.datastore, wish.volume, refresh=False) is not None:
                raise volumes.already_there(wish)
        store.touch(where, mark)
    finished: list[DiskWish] = []
    try:
        placed = tuple(_make(store, wish, finished) for wish in wishes)
        yield placed
    except (Busy, OutcomeUnknown, Unreachable):
        raise
    except AnypoolError:
        for wish in finished:
            store.delete(wish.datastore, wish.volume)
        store.delete(where, mark)
        raise
    store.delete(where, mark)


def forget_mark(store: Volumes, wishes: tuple[DiskWish, ...], tag: str) -> None:
    """Take away the mark of a step whose work turned out to be done."""
    for where in {wish.datastore for wish in wishes}:
        _forget(store, where, _mark_of(tag))


def _forget(store: Volumes, where: DatastoreId, mark: str) -> None:
    if store.find(where, mark, refresh=False) is not None:
        store.delete(where, mark)


def _make(store: Volumes, wish: DiskWish, finished: list[DiskWish]) -> Placed:
    known = store.find(wish.datastore, wish.volume, refresh=False)
    path = "" if known is None else store.finished(known)
    if known is not None and wish.base and wish.format == "raw":
        store.delete(wish.datastore, wish.volume)  # a copy may have been broken off half-way
        path = ""
    path = path or store.make(wish)
    finished.append(wish)
    return Placed(wish=wish, path=path)


def _mark_of(tag: str) -> str:
    return MAKING + hashlib.sha256(tag.encode()).hexdigest()[:24]
