"""Full readings as differences: a worker sends only what is new since the last one it sent.

The manager names the reading it has; the worker answers with what differs from that one,
or with everything if it does not know it any more. So the manager decodes what changed,
and records that did not stay the same objects.
"""

import threading
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct

from anypool.drivers.wire import WireError
from anypool.model import Datastore, Frame, Host, Network, Server, Vm, Volume
from anypool.model.boothost import BootHost

_ENCODER = msgspec.msgpack.Encoder()


class _Table(NamedTuple):
    decoder: "msgspec.msgpack.Decoder[Any]"
    key: Callable[[Any], str]


def _place(volume: Volume) -> str:
    return f"{volume.datastore}/{volume.name}"


def _id(record: Any) -> str:
    return str(record.id)


_TABLES: dict[str, _Table] = {
    "hosts": _Table(msgspec.msgpack.Decoder(Host), _id),
    "vms": _Table(msgspec.msgpack.Decoder(Vm), _id),
    "datastores": _Table(msgspec.msgpack.Decoder(Datastore), _id),
    "volumes": _Table(msgspec.msgpack.Decoder(Volume), _place),
    "networks": _Table(msgspec.msgpack.Decoder(Network), _id),
    "servers": _Table(msgspec.msgpack.Decoder(Server), _id),
    "boot_hosts": _Table(msgspec.msgpack.Decoder(BootHost), _id),
}


class Difference(Struct, frozen=True, kw_only=True, gc=False):
    """A full reading called `name`, as what is new or gone, by table, since the one called `base`.

    Without a base it is everything. Records are encoded one by one, so that decoding many
    of them lets others have a turn in between.
    """

    name: str
    base: str = ""
    new: dict[str, list[Raw]] = {}
    gone: dict[str, list[str]] = {}


_DECODER = msgspec.msgpack.Decoder(Difference)


class Sent:
    """What a worker remembers of the last full reading of one endpoint: digests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name = ""
        self._digests: dict[str, dict[str, bytes]] = {}

    def difference(self, frame: Frame, since: str) -> Difference:
        """Return a reading as the difference to the one called `since`, and remember it."""
        with self._lock:
            known = self._digests if since and since == self._name else {}
            new: dict[str, list[Raw]] = {}
            gone: dict[str, list[str]] = {}
            digests: dict[str, dict[str, bytes]] = {}
            for table, (_, key_of) in _TABLES.items():
                before = known.get(table, {})
                here = digests[table] = {}
                fresh: list[Raw] = []
                for record in getattr(frame, table):
                    body = _ENCODER.encode(record)
                    key = key_of(record)
                    digest = here[key] = blake2b(body, digest_size=16).digest()
                    if before.get(key) != digest:
                        fresh.append(Raw(body))
                new[table] = fresh
                gone[table] = [key for key in before if key not in here]
            self._name, self._digests = uuid4().hex, digests
            return Difference(name=self._name, base=since if known else "", new=new, gone=gone)


class Received:
    """A full reading as the manager has it, by key; it never changes."""

    def __init__(self, name: str, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self.name = name
        self.tables = tables

    def frame(self) -> Frame:
        """Return the reading."""
        return Frame(
            full=True, **{table: tuple(records.values()) for table, records in self.tables.items()}
        )


def received(body: bytes | Raw, base: Received | None) -> Received:
    """Return the reading that an encoded difference to `base` makes; raise `WireError`."""
    try:
        return applied(_DECODER.decode(body), base)
    except (ValueError, msgspec.MsgspecError) as error:
        raise WireError(str(error)) from error


def applied(difference: Difference, base: Received | None) -> Received:
    """Return the reading that a difference to `base` makes.

    Raises `ValueError` if it is one to another reading, `msgspec.DecodeError` if it holds
    what is no record.
    """
    if difference.base and (base is None or base.name != difference.base):
        raise ValueError("the difference is to another reading")
    tables: dict[str, dict[str, Any]] = {}
    for table, (decoder, key_of) in _TABLES.items():
        records = dict(base.tables[table]) if base is not None and difference.base else {}
        for key in difference.gone.get(table, ()):
            records.pop(key, None)
        for body in difference.new.get(table, ()):
            record = decoder.decode(body)
            records[key_of(record)] = record
        tables[table] = records
    return Received(difference.name, tables)
