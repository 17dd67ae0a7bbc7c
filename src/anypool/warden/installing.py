"""Putting the warden on a host, and taking it away so that nothing is left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from anypool.warden import sector
from anypool.warden.config import CONFIG, STATE, Config, Misconfigured, read_state
from anypool.warden.guests import guests, uses
from anypool.warden.holdings import Holdings, Refused
from anypool.warden.keeping import Clock
from anypool.warden.record import LEASE_PREFIX, Incarnation

MARKER = "anypool-datastore-"
UNIT_NAME = "anypool-warden.service"
_HELD_WITHIN_S = 60.0

UNIT = """\
[Unit]
Description=anypool warden: storage leases and watchdog of this host
Documentation=https://github.com/anypool/anypool
After=local-fs.target remote-fs.target
Before=libvirtd.service virtqemud.service

[Service]
ExecStart={program} run
Restart=always
RestartSec=1
OOMScoreAdjust=-1000
Nice=-10
LimitMEMLOCK=infinity

[Install]
WantedBy=multi-user.target
"""
HOOK = """\
#!/bin/sh
# Installed by anypool: a VM starts only while this host holds its storage lease.
exec {program} hook "$@"
"""


@dataclass(frozen=True)
class Places:
    """Where the parts lie; `root` is put before all of them, for tests and labs."""

    root: str = ""

    @property
    def program(self) -> str:
        """The program."""
        return f"{self.root}/usr/local/sbin/anypool-warden"

    @property
    def config(self) -> str:
        """Its configuration."""
        return f"{self.root}{CONFIG}"

    @property
    def hook(self) -> str:
        """libvirt's hook; the folder is for several, so that nobody's own is touched."""
        return f"{self.root}/etc/libvirt/hooks/qemu.d/anypool-warden"

    @property
    def unit(self) -> str:
        """Its unit."""
        return f"{self.root}/etc/systemd/system/{UNIT_NAME}"

    @property
    def state(self) -> str:
        """What it tells the hook."""
        return f"{self.root}{STATE}"


def datastore_of(folder: str) -> str:
    """Return the id of the datastore in a folder; raise `Misconfigured` where it has no mark."""
    try:
        marks = sorted(name for name in os.listdir(folder) if name.startswith(MARKER))
    except OSError as problem:
        raise Misconfigured(f"{folder}: {problem.strerror}") from problem
    if not marks:
        raise Misconfigured(f"{folder} is not marked: say `anypool datastore mark` first")
    return marks[0][len(MARKER) :]


def write(config: Config, program: bytes, places: Places) -> None:
    """Write all parts; each appears whole."""
    config.check()
    _put(places.program, program, 0o755)
    _put(places.config, json.dumps(asdict(config), indent=2).encode() + b"\n", 0o644)
    _put(places.hook, HOOK.format(program=places.program).encode(), 0o755)
    _put(places.unit, UNIT.format(program=places.program).encode(), 0o644)


def install(config: Config, places: Places, clock: Clock) -> None:
    """Write all parts, start the warden, and wait until every lease is held.

    Raise `Misconfigured` if it is not; what was written is then taken away again. Raise it before
    anything is written where a VM would lose the lease it runs by, or a folder takes no lease.
    """
    left = _left_behind(config, places)
    _prove(config)
    with open(sys.argv[0], "rb") as file:
        write(config, file.read(), places)
    try:
        _systemctl("daemon-reload")
        _systemctl("enable", UNIT_NAME)
        _systemctl("restart", UNIT_NAME)
        _wait_until_held(clock)
        # libvirt looks for hooks when it starts; VMs run on while it is started again
        for daemon in ("libvirtd.service", "virtqemud.service"):
            _systemctl("try-restart", daemon)
    except Misconfigured:
        with suppress(Misconfigured):
            _systemctl("disable", "--now", UNIT_NAME)
        remove(places)
        with suppress(Misconfigured):
            _systemctl("daemon-reload")
        raise
    if left is not None:
        forget(left)


def _left_behind(config: Config, places: Places) -> Config | None:
    """Return of the configuration before what another leaves out; raise `Misconfigured` if used."""
    if not os.path.exists(places.config):
        return None
    before = Config.read(places.config)
    if before.host != config.host:
        if running := guests():
            raise Misconfigured(
                f"{len(running)} VMs run here, and this host is {before.host}: "
                "move or stop them first"
            )
        return before
    kept = set(config.datastores.values())
    gone = {store: folder for store, folder in before.datastores.items() if folder not in kept}
    for folder in gone.values():
        if users := [one for one in guests() if uses(one, folder)]:
            raise Misconfigured(
                f"{len(users)} VMs run by the lease in {folder}: name that folder too, "
                "or move or stop them first"
            )
    return replace(before, datastores=gone)


def _prove(config: Config) -> None:
    """Raise `Misconfigured` unless a file as that of a lease can be made in each folder."""
    for folder in config.datastores.values():
        path = os.path.join(folder, f"{LEASE_PREFIX}{config.host}.{os.urandom(8).hex()}.making")
        try:
            sector.create(path, b"\0" * sector.BYTES)
            os.unlink(path)
        except OSError as problem:
            raise Misconfigured(f"no lease can be kept in {folder}: {problem}") from problem


def uninstall(config: Config, places: Places) -> None:
    """Stop the warden, let go of all its VMs, and take every part away.

    Raise `Misconfigured` while a VM runs on one of its datastores.
    """
    _check_unused(config)
    _systemctl("disable", "--now", UNIT_NAME)
    try:
        _check_unused(config)  # one may have started until the warden was stopped
    except Misconfigured:
        _systemctl("enable", "--now", UNIT_NAME)
        raise
    forget(config)
    remove(places)
    _systemctl("daemon-reload")


def _check_unused(config: Config) -> None:
    folders = tuple(config.datastores.values())
    left = [one for one in guests() if any(uses(one, folder) for folder in folders)]
    if left:
        raise Misconfigured(f"{len(left)} VMs run here under a lease: move or stop them first")


def forget(config: Config) -> None:
    """Take this host's lease from every datastore, and its name from every VM."""
    for folder in config.datastores.values():
        holdings = Holdings(folder)
        for vm in holdings.all():
            with suppress(Refused):
                _free(holdings, vm, config.host)
        with suppress(OSError):
            os.unlink(os.path.join(folder, f"{LEASE_PREFIX}{config.host}"))


def _free(holdings: Holdings, vm: str, host: str) -> None:
    last = holdings.last(vm)
    if last is None:
        return
    owner, heir = (_unless(life, host) for life in (last.owner, last.heir))
    if (owner, heir) == (last.owner, last.heir):
        return
    after = type(last)(vm, last.number + 1, owner or heir, heir if owner else None)
    holdings.put(last, after)


def _unless(life: Incarnation | None, host: str) -> Incarnation | None:
    return None if life is None or life.host == host else life


def remove(places: Places) -> None:
    """Take away every file that `write` and the warden made on this host; quiet if gone."""
    for path in (places.hook, places.unit, places.config, places.program):
        with suppress(FileNotFoundError):
            os.unlink(path)
    with suppress(OSError):  # others have hooks there
        os.rmdir(os.path.dirname(places.hook))
    shutil.rmtree(os.path.dirname(places.state), ignore_errors=True)


def is_asked(places: Places, proc: str = "/proc") -> bool:
    """Whether libvirt's daemon asks the hook: it runs, and began after the hook was there."""
    try:
        made = os.stat(places.hook).st_ctime
    except OSError:
        return False
    daemons = 0
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        with suppress(OSError):
            with open(f"{proc}/{entry}/comm") as file:
                if file.read().strip() not in ("libvirtd", "virtqemud"):
                    continue
            daemons += 1
            if os.stat(f"{proc}/{entry}").st_ctime < made:
                return False
    return daemons > 0


def _wait_until_held(clock: Clock) -> None:
    deadline = clock() + _HELD_WITHIN_S
    problem = "it says nothing"
    while clock() < deadline:
        try:
            told, _ = read_state()
            if all(one.fresh(clock()) for one in told):
                return
            problem = "; ".join(one.problem for one in told if one.problem) or problem
        except Misconfigured as missing:
            problem = str(missing)
        time.sleep(0.2)
    raise Misconfigured(f"the warden did not get its leases: {problem}")


def _put(path: str, content: bytes, mode: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    arriving = f"{path}.arriving"
    handle = os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    os.replace(arriving, path)


def _systemctl(*words: str) -> None:
    try:
        done = subprocess.run(
            ["systemctl", *words], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Misconfigured(f"systemctl {words[0]}: {problem}") from problem
    if done.returncode:
        raise Misconfigured(f"systemctl {' '.join(words)}: {done.stderr.strip()}")
