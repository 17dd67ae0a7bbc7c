"""The bundle itself: one archive, made in memory, each part of it masked on its way in."""

import gzip
import io
import socket
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import make_url

from anypool import __version__, logs
from anypool.clock import Clock
from anypool.engine import Engine
from anypool.errors import AnypoolError
from anypool.service.access import Deed, Principal, require
from anypool.service.support import evidence
from anypool.service.support.masking import Mask, Named
from anypool.settings import Settings
from anypool.store import Store, audit, events, people, secrets
from anypool.store.records import EventRecord

FOLDER = "anypool-support"
Part = tuple[str, Callable[[], object]]
_ABOUT = """What this is: a support bundle of anypool {version}, made at {at}.

Each file says what its name says; times are seconds since 1970. Passwords, keys, tokens
and the user info of addresses are not in it. Names of VMs, hosts and people {names}.
Look into it before you give it away: messages of hypervisors are as they were said.
"""


class Support:
    """The use case of whoever needs help."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, settings: Settings) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._settings = settings

    def bundle(self, by: Principal, metrics: bytes, *, mask_names: bool) -> bytes:
        """Return a tar.gz; `metrics` is the page of metrics. A part that fails says why."""
        require(by, Deed.MAKE_BUNDLE)
        mask = self._mask(mask_names=mask_names)
        made = _packed(self._parts(metrics, mask_names=mask_names), mask, self._clock.now())
        self._note(by)
        return made

    def _parts(self, metrics: bytes, *, mask_names: bool) -> Iterator[Part]:
        engine, store = self._engine, self._store
        names = "are replaced by words that stand for them" if mask_names else "are in it"
        yield from _of_machine(self._settings, names, self._clock.now())
        for name, read in (
            ("schema.json", evidence.schema),
            ("counts.json", evidence.counts),
            ("operations.json", evidence.operations),
            ("events.json", evidence.happened),
        ):
            yield name, partial(self._read, read)
        yield "health.json", lambda: evidence.health(engine, store)
        yield "endpoints.json", lambda: evidence.endpoints(engine)
        yield "metrics.txt", metrics.decode
        yield "threads.txt", evidence.threads
        yield "log.jsonl", lambda: [msgspec.json.decode(line) for line in logs.recent()]

    def _read(self, read: Callable[..., object]) -> object:
        with self._store.reading() as tx:
            return read(tx)

    def _mask(self, *, mask_names: bool) -> Mask:
        """Know every secret there is, so that none can slip through in a message."""
        with self._store.reading() as tx:
            known = secrets.texts(tx)
            users = [user.name for user in people.list_users(tx)] if mask_names else []
            key = audit.stable_key(tx) if mask_names else b""
        known.append(make_url(self._settings.database_url).password or "")
        return Mask(known, self._names(users) if mask_names else (), key)

    def _names(self, users: list[str]) -> Iterator[Named]:
        inventory = self._engine.inventory
        yield from (Named("person", name) for name in users)
        yield from (Named("vm", vm.name) for vm in inventory.vms.values())
        for endpoint in self._engine.endpoints():
            yield Named("endpoint", endpoint.id)
            uris = (endpoint.uri, dict(endpoint.options).get("peer_uri", ""))
            yield from (Named("host", urlsplit(uri).hostname or "") for uri in uris)
        yield Named("host", socket.gethostname())
        yield from (Named("host", host.name) for host in inventory.hosts.values())

    def _note(self, by: Principal) -> None:
        event = EventRecord(
            kind="support.bundle",
            message="a support bundle was made",
            subject_kind="support",
            by=by.name,
        )
        with suppress(AnypoolError), self._store.writing(shared=True) as tx:
            events.append(tx, event)


def offline(chosen: Settings, clock: Clock) -> bytes:
    """Return what can be said without a manager and without opening its database, as a tar.gz.

    No name can be masked, because nobody knows the names.
    """
    mask = Mask([make_url(chosen.database_url).password or ""])
    return _packed(_of_machine(chosen, "are in it", clock.now()), mask, clock.now())


def _of_machine(chosen: Settings, names: str, at: float) -> Iterator[Part]:
    """Yield the parts that need no database."""
    state = Path(chosen.state_dir)
    yield "README.txt", lambda: _ABOUT.format(version=__version__, at=at, names=names)
    yield "versions.json", evidence.versions
    yield "settings.json", lambda: evidence.settings(chosen)
    yield "doctor.json", lambda: msgspec.json.decode(evidence.doctor(chosen))
    for file in ("manager.log", "workers.log"):
        if (state / file).exists():
            yield file, partial(evidence.tail, state / file)


def _packed(parts: Iterable[Part], mask: Mask, at: float) -> bytes:
    archive = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=archive, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, make in parts:
            _add(tar, name, _made(make, mask), at)
    return archive.getvalue()


def _made(make: Callable[[], object], mask: Mask) -> bytes:
    """Return a masked part: text as it is, a list as a line of JSON each, else JSON."""
    try:
        content = make()
    except (AnypoolError, OSError, ValueError) as error:
        content = {"missing": str(error)}
    if isinstance(content, str):
        return mask.text(content).encode()
    if isinstance(content, list):
        lines = (msgspec.json.encode(mask.data(one)) for one in content)
        return b"".join(line + b"\n" for line in lines)
    return msgspec.json.format(msgspec.json.encode(mask.data(content)), indent=2) + b"\n"


def _add(tar: tarfile.TarFile, name: str, content: bytes, at: float) -> None:
    entry = tarfile.TarInfo(f"{FOLDER}/{name}")
    entry.size, entry.mtime, entry.mode = len(content), int(at), 0o600
    tar.addfile(entry, io.BytesIO(content))
