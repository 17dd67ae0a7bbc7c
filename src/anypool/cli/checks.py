"""What `anypool doctor` looks at; each check says what it saw and what to do about it."""

import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from anypool import lab
from anypool.cli.serve import open_socket
from anypool.errors import AnypoolError
from anypool.lab import accelerator, image
from anypool.lab.places import default_cache_dir
from anypool.settings import Settings

_LEAST_FREE_BYTES = 1 << 30
_RELEASED = 1_790_000_000
"""The clock of no machine that runs this can be earlier; seconds since 1970."""

Verdict = Literal["ok", "warn", "fail"]


class Finding(Struct, frozen=True):
    """What was looked at and seen; `todo` is what to do unless all is well."""

    what: str
    verdict: Verdict
    seen: str
    todo: str = ""


def findings(settings: Settings, report: Callable[[str], None], *, boot: bool) -> Iterator[Finding]:
    """Yield every finding; with `boot` a guest is booted, for which a kernel may be downloaded."""
    yield _python()
    yield _clock()
    yield _state_folder(settings)
    yield _space(settings)
    yield _database(settings)
    yield _port(settings)
    yield _libvirt()
    found = lab.probe()
    yield _namespaces(found)
    yield _packages(found)
    yield _accelerator(report, boot=boot and found.possible)


def _python() -> Finding:
    return Finding("Python", "ok", sys.version.split()[0])


def _clock() -> Finding:
    now = time.time()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < _RELEASED:
        todo = "set the clock: times of events and logins would be wrong"
        return Finding("clock", "fail", shown, todo)
    return Finding("clock", "ok", shown)


def _state_folder(settings: Settings) -> Finding:
    folder = Path(settings.state_dir)
    try:
        with tempfile.TemporaryDirectory(dir=_nearest(folder)):
            pass
    except OSError as error:
        seen = f"{folder} cannot be written: {error.strerror}"
        todo = "choose another folder with ANYPOOL_STATE, or make this one writable"
        return Finding("state folder", "fail", seen, todo)
    if not folder.exists():
        return Finding("state folder", "ok", f"{folder} will be made")
    if folder.stat().st_mode & 0o077:
        todo = f"chmod 700 {folder}"
        return Finding("state folder", "warn", f"{folder} can be read by others", todo)
    return Finding("state folder", "ok", f"{folder} is writable")


def _space(settings: Settings) -> Finding:
    free = shutil.disk_usage(_nearest(Path(settings.state_dir))).free
    shown = f"{free / (1 << 30):.1f} GiB free"
    if free < _LEAST_FREE_BYTES:
        return Finding("disk space", "warn", shown, "the state folder's disk is nearly full")
    return Finding("disk space", "ok", shown)


def _database(settings: Settings) -> Finding:
    """Open the database without changing it: neither made nor brought to a newer form."""
    from sqlalchemy import create_engine, make_url, text
    from sqlalchemy.exc import SQLAlchemyError

    url = settings.database_url
    shown = make_url(url).set(query={}).render_as_string(hide_password=True)
    file = make_url(url).database if url.startswith("sqlite") else None
    if file and not Path(file).exists():
        return Finding("database", "ok", f"{shown} will be made")
    try:
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.execute(text("select version_num from anypool_schema"))
        engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        seen = f"{shown}: {str(error).splitlines()[0]}"
        return Finding("database", "fail", seen, "is it this program's, reachable and allowed?")
    return Finding("database", "ok", shown)


def _port(settings: Settings) -> Finding:
    place = f"{settings.listen_host} port {settings.listen_port}"
    try:
        open_socket(settings).close()
    except AnypoolError as error:
        todo = "no harm if that is your manager; else set listen_port"
        return Finding("port", "warn", error.message, todo)
    return Finding("port", "ok", f"{place} is free")


def _libvirt() -> Finding:
    if importlib.util.find_spec("libvirt") is None:
        todo = "apt-get install python3-libvirt, in an environment that sees system packages"
        return Finding("libvirt client", "warn", "python3-libvirt is not there", todo)
    return Finding("libvirt client", "ok", "python3-libvirt is there")


def _namespaces(found: lab.LabProbe) -> Finding:
    if found.mode == "none":
        todo = "no lab here: use sim:// or test:///default, or add hosts of your own"
        return Finding("namespaces", "warn", found.reason, todo)
    return Finding("namespaces", "ok", found.reason)


def _packages(found: lab.LabProbe) -> Finding:
    if not found.missing:
        return Finding("lab packages", "ok", "all there")
    by_apt = [package.package for package in found.missing if package.source == "apt"]
    by_pip = [package.package for package in found.missing if package.source == "pip"]
    todo = [f"apt-get install {' '.join(by_apt)}"] if by_apt else []
    todo += [f"pip install {' '.join(by_pip)}"] if by_pip else []
    seen = f"missing: {', '.join(by_apt + by_pip)}"
    return Finding("lab packages", "warn", seen, " and ".join(todo))


def _accelerator(report: Callable[[str], None], *, boot: bool) -> Finding:
    """Boot a guest to find out, if its image is there already or `boot` says so."""
    cache = default_cache_dir()
    guest = image.cached(cache)
    if guest is None and not boot:
        todo = "`anypool doctor --boot` builds a guest and boots it"
        return Finding("accelerator", "warn", "not tried: there is no guest to boot yet", todo)
    try:
        guest = guest or image.ensure(cache, report)
        choice = accelerator.choose("auto", guest, cache / "accelerator.json")
    except (AnypoolError, OSError) as error:
        return Finding("accelerator", "warn", str(error), "no lab here; the simulator works")
    if choice.accelerator == "tcg":
        todo = "guests run, but slowly; with hardware virtualisation they would be fast"
        return Finding("accelerator", "warn", f"tcg: {choice.reason}", todo)
    return Finding("accelerator", "ok", f"kvm: {choice.reason}")


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or the first one above it that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())
