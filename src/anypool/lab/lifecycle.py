"""Bringing a lab up, looking at it, and taking it down."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from anypool.errors import AnypoolError, Busy, Conflict, NotSupported
from anypool.lab import (
    accelerator,
    bmc_keys,
    emulator,
    image,
    libvirt_files,
    outer,
    server_etc,
    wardens,
)
from anypool.lab.blades import making
from anypool.lab.commands import search_path
from anypool.lab.control import supervisor_pid
from anypool.lab.locks import locked
from anypool.lab.places import LabPlaces, default_cache_dir, lab_places, places_of
from anypool.lab.probe import probe
from anypool.lab.records import AcceleratorChoice, KeptLab, LabStatus
from anypool.lab.spec import LabSpec
from anypool.lab.state import kept_lab, status_of

_UP_TIMEOUT_S = 180.0
_DOWN_TIMEOUT_S = 30.0
_MARKER = "anypool-datastore-"
_LOG_LINES = 5

Report = Callable[[str], None]


def up(spec: LabSpec, report: Report) -> LabStatus:
    """Bring the lab up unless it is, telling each step to `report`; answer how it is then.

    Safe to call twice and from several processes. Raises `NotSupported` before doing anything
    where no lab can be, `Conflict` when a lab of this name is up with other servers.
    """
    spec.check()
    places = places_of(spec)
    _refuse_unless_possible()
    if spec.blades or spec.firmware:
        making.refuse_unless_possible()
    if spec.wardens and outer.own_mode() != "root":
        raise NotSupported(
            "a lab without root has no wardens: libvirt asks no hook in a user's session",
            hint="bring it up as root, or without wardens",
        )
    places.directory.parent.mkdir(parents=True, exist_ok=True)
    with locked(_lock(places)):
        if supervisor_pid(places) is not None:
            _refuse_if_different(spec, places)
            report(f"lab {spec.name} is up already")
            return status_of(places)
        begin = time.monotonic()
        fresh = not places.directory.exists()
        try:
            _bring_up(spec, places, report)
        except BaseException:
            _end(places)
            if fresh:
                shutil.rmtree(places.directory, ignore_errors=True)
            raise
        report(f"lab {spec.name} is up ({time.monotonic() - begin:.1f} s)")
        return status_of(places)


def down(name: str, state_dir: Path | None, report: Report, *, keep: bool = False) -> None:
    """End every process of the lab and remove its folder; with `keep`, leave the folder.

    Works whatever state the lab is in, and is no error when there is none.
    """
    places = lab_places(name, state_dir)
    if not places.directory.exists():
        report(f"there is no lab {name}")
        return
    with locked(_lock(places)):
        _end(places)
        if not keep:
            shutil.rmtree(places.directory)
        _lock(places).unlink()
    report(f"lab {name} is down")


def status(name: str, state_dir: Path | None = None) -> LabStatus:
    """The lab as it is now; `up` is False when it is down or never was."""
    return status_of(lab_places(name, state_dir))


def _bring_up(spec: LabSpec, places: LabPlaces, report: Report) -> None:
    cache = spec.cache_dir or default_cache_dir()
    master = image.ensure(cache, report)
    with locked(cache / "accelerator.lock"):
        report("choosing the accelerator by booting a guest")
        choice = accelerator.choose(spec.accelerator, master, cache / "accelerator.json")
    report(f"accelerator {choice.accelerator}: {choice.reason}")
    if spec.blades or spec.firmware:
        making.ensure_loader(cache, report)
    kept = _write_files(spec, places, cache, choice)
    installed = image.install(master, places.datastore)
    places.image.write_bytes(msgspec.json.encode(installed))
    hosts = [server.name for server in kept.servers if server.role == "host"]
    report(f"booting {', '.join(hosts) or 'the controllers of its blades'}")
    _launch(kept, places, report)


def _write_files(
    spec: LabSpec, places: LabPlaces, cache: Path, choice: AcceleratorChoice
) -> KeptLab:
    mode = outer.own_mode()
    seed = cache / f"capabilities-2-{mode}-{choice.accelerator}"
    for folder in (places.datastore, places.consoles, places.bmc_state, seed):
        folder.mkdir(parents=True, exist_ok=True)
    kept = KeptLab(
        name=spec.name,
        servers=spec.servers(),
        mode=mode,
        accelerator=choice.accelerator,
        datastore_uuid=_mark(places.datastore),
        seed_dir=str(seed),
        emulator=str(emulator.ensure(cache)) if choice.accelerator == "tcg" else "",
        wardens=spec.wardens,
        blade_memory_mib=spec.blade_memory_mib,
        firmware=spec.firmware,
    )
    places.spec.write_bytes(msgspec.json.encode(kept))
    places.accelerator.write_bytes(msgspec.json.encode(choice))
    server_etc.write(kept, places.etc)
    bmc_keys.write(places, kept.servers)
    for server in kept.servers:
        if kept.has_hardware(server):
            making.write(kept, places, server, cache)
        if server.role == "blade":
            continue
        libvirt_files.write(kept, places, server)
        if kept.wardens:
            wardens.write(kept, places, server)
    return kept


def _mark(datastore: Path) -> str:
    """Give the shared datastore its identity, once: a volume named after a new uuid."""
    for marker in datastore.glob(f"{_MARKER}*"):
        return marker.name.removeprefix(_MARKER)
    identity = str(uuid.uuid4())
    (datastore / f"{_MARKER}{identity}").touch()
    return identity


def _launch(kept: KeptLab, places: LabPlaces, report: Report) -> None:
    supervisor = [sys.executable, "-m", "anypool.lab.supervisor", str(places.directory)]
    with places.log.open("ab") as log:
        starting = subprocess.Popen(
            ["setsid", "--fork", *outer.new(kept.mode), *supervisor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            env=os.environ | {"PATH": search_path()},
        )
    with starting:
        assert starting.stdout is not None
        for line in _lines(starting.stdout.fileno(), _UP_TIMEOUT_S):
            word, _, rest = line.partition(" ")
            if word == "ready":
                return
            if word == "failed":
                raise AnypoolError(f"the lab did not come up: {rest}")
            report(line)
    said = places.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    raise AnypoolError(f"the lab did not come up in {_UP_TIMEOUT_S:g} s: {' / '.join(said)}")


def _lines(descriptor: int, timeout_s: float) -> Iterator[str]:
    """Lines from a pipe until it ends or the time is over."""
    deadline = time.monotonic() + timeout_s
    rest = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], left)
        piece = os.read(descriptor, 4096) if ready else b""
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line.decode() for line in lines)


def _end(places: LabPlaces) -> None:
    """Kill the lab's first process and wait until the kernel has ended everything with it."""
    pid = supervisor_pid(places) if places.directory.exists() else None
    if pid is None:
        return
    with _watched(pid) as supervisor, _watched(_parent(pid)) as launcher:
        signal.pidfd_send_signal(supervisor, signal.SIGKILL)
        for watched in (supervisor, launcher):
            ended, _, _ = select.select([watched], [], [], _DOWN_TIMEOUT_S)
            if not ended:
                raise Busy(
                    f"process {pid} of the lab does not end",
                    hint="is a disk or a device hanging? try again",
                )


@contextmanager
def _watched(pid: int) -> Iterator[int]:
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _parent(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def _refuse_unless_possible() -> None:
    found = probe()
    if found.mode == "none":
        raise NotSupported(
            f"no lab can be made on this machine: {found.reason}",
            hint="the simulated pool works everywhere",
        )
    if found.missing:
        by_apt = [package.package for package in found.missing if package.source == "apt"]
        by_pip = [package.package for package in found.missing if package.source == "pip"]
        commands = [f"apt-get install {' '.join(by_apt)}"] if by_apt else []
        commands += [f"pip install {' '.join(by_pip)}"] if by_pip else []
        size = sum(package.size_mb for package in found.missing)
        raise NotSupported(
            f"the lab needs what is not installed: {', '.join(by_apt + by_pip)} (about {size} MB)",
            hint=" and ".join(commands),
        )


def _refuse_if_different(spec: LabSpec, places: LabPlaces) -> None:
    kept = kept_lab(places)
    same_accelerator = spec.accelerator in ("auto", kept.accelerator)
    same = kept.servers == spec.servers() and kept.wardens == spec.wardens
    same = same and kept.firmware == spec.firmware
    same = same and spec.blade_memory_mib == kept.blade_memory_mib
    if not same or not same_accelerator:
        raise Conflict(
            f"lab {spec.name} is up with {len(kept.servers)} servers and {kept.accelerator}",
            hint="take it down first, or choose another name",
        )


def _lock(places: LabPlaces) -> Path:
    return places.directory.with_name(f".{places.directory.name}.lock")
