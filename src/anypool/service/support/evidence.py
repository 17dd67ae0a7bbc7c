"""What goes into a support bundle, part by part; each is data, and none holds a secret."""

import platform
import subprocess
import sys
import threading
import traceback
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, make_url, select

from anypool import __version__
from anypool.engine import Engine
from anypool.service.support.masking import HIDDEN
from anypool.settings import Settings
from anypool.store import Store, events, lease, runs
from anypool.store.migrate import newest, revision_of
from anypool.store.pages import Ask
from anypool.store.records import RunRecord, Severity
from anypool.store.tables import metadata as tables
from anypool.store.tx import Tx

OPERATIONS = 100
EVENTS = 500
DOCTOR_S = 30.0
LOG_BYTES = 512 << 10
_LIBRARIES = (
    *("litestar", "uvicorn", "msgspec", "sqlalchemy", "alembic", "cryptography", "structlog"),
    *("httpx", "numpy", "psycopg", "libvirt-python", "cyclopts", "rich"),
)

Data = dict[str, Any]


def versions() -> Data:
    """Return what runs here: this program, Python, the system and the libraries used most."""
    return {
        "anypool": __version__,
        "python": sys.version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def settings(chosen: Settings) -> Data:
    """Return every setting, and the names of those that are not the usual ones."""
    shown: Data = msgspec.to_builtins(chosen)
    usual = msgspec.to_builtins(Settings(state_dir=chosen.state_dir))
    if chosen.database:
        url = make_url(chosen.database)
        shown["database"] = url.set(username=None, password=None, query={}).render_as_string()
    changed = sorted(name for name, value in usual.items() if shown[name] != value)
    if chosen.snmp_trap_community:
        shown["snmp_trap_community"] = HIDDEN
    return {"settings": shown, "changed": changed}


def schema(tx: Tx) -> Data:
    """Return which schema the database has, and which one this release wants."""
    return {"database": tx.dialect, "schema": revision_of(tx), "newest": newest()}


def counts(tx: Tx) -> Data:
    """Return how many rows each table has."""
    return {
        table.name: tx.count(select(func.count()).select_from(table))
        for table in tables.sorted_tables
    }


def health(engine: Engine, store: Store) -> Data:
    """Return whether this manager leads, and how large the pool is."""
    with store.reading() as tx:
        held = lease.look(tx)
    inventory = engine.inventory
    return {
        "leads": engine.leads,
        "lease_left_s": store.lease_left_s(),
        "lease": msgspec.to_builtins(held),
        "inventory_version": engine.version,
        "hosts": len(inventory.hosts),
        "vms": len(inventory.vms),
        "threads": threading.active_count(),
    }


def endpoints(engine: Engine) -> Data:
    """Return how the conversation with each endpoint goes; the mask removes user info."""
    states = {one.id: one for one in engine.health()}
    found = []
    for one in engine.endpoints():
        said = msgspec.to_builtins(states[one.id]) if one.id in states else {}
        found.append({**msgspec.to_builtins(one), "options": dict(one.options), "health": said})
    return {"items": found}


def operations(tx: Tx) -> Data:
    """Return the newest operations, and of each the steps that said something."""
    newest_runs = runs.list_runs(tx, Ask(limit=OPERATIONS)).items
    return {"items": [_operation(tx, run) for run in newest_runs]}


def happened(tx: Tx) -> Data:
    """Return the newest events that were no good news."""
    page = events.find(tx, Ask(limit=EVENTS))
    bad = [one for one in page.items if one.severity != Severity.INFO]
    return {"items": [msgspec.to_builtins(one) for one in bad], "looked_at": len(page.items)}


def threads() -> str:
    """Return where each thread is, without the values of variables."""
    names = {one.ident: one.name for one in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():
        stack = "".join(traceback.format_stack(frame))
        parts.append(f"thread {names.get(ident, ident)}\n{stack}")
    return "\n".join(parts)


def doctor(chosen: Settings) -> str:
    """Return what `anypool doctor` says on this machine, as JSON.

    It is a process of its own: the command line is above us, and its checks may hang.
    """
    words = ["doctor", "--state", str(Path(chosen.state_dir).absolute()), "--output", "json"]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "anypool.cli.main", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=DOCTOR_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f'"no answer in {DOCTOR_S:g} s"'
    return done.stdout or msgspec.json.encode(done.stderr).decode()


def tail(file: Path) -> str:
    """Return the end of a log file, "" if there is none."""
    try:
        with file.open("rb") as lines:
            size = lines.seek(0, 2)
            lines.seek(max(0, size - LOG_BYTES))
            return lines.read(LOG_BYTES).decode(errors="replace")
    except FileNotFoundError:
        return ""


def _operation(tx: Tx, run: RunRecord) -> Data:
    steps = [msgspec.to_builtins(one) for one in runs.steps(tx, run.id) if one.message]
    return {**msgspec.to_builtins(run), "steps": steps}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
