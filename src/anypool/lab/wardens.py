"""Wardens on the servers of a lab: what `anypool host install-warden` puts on a real host."""

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

from anypool.lab import standin
from anypool.lab.libvirt_files import SERVER_HOME
from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.spec import Server
from anypool.program import packed
from anypool.warden.config import Config

BOOT_FILE = "/run/anypool-boot"
"""Made anew at each boot of a server: the kernel of all of them boots only once."""
RENEW_S, LIMIT_S, WATCHDOG_S = 1.0, 8.0, 5
_PROGRAM, _CONFIG, _PIPE = "anypool-warden", "warden.json", "watchdog"


def write(kept: KeptLab, places: LabPlaces, server: Server) -> None:
    """Write the files of one server."""
    home = places.server(server.name)
    config = Config(
        host=server.uuid,
        name=server.name,
        datastores={kept.datastore_uuid: str(places.datastore)},
        renew_s=RENEW_S,
        limit_s=LIMIT_S,
        watchdog="",
        watchdog_s=WATCHDOG_S,
        stand_in=f"{SERVER_HOME}/{_PIPE}",
        boot_file=BOOT_FILE,
    )
    (home / _PROGRAM).write_bytes(packed("anypool.warden"))
    (home / _CONFIG).write_text(json.dumps(asdict(config)))
    hook = home / "etc/hooks/qemu.d/anypool-warden"
    hook.parent.mkdir(parents=True, exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec {shlex.join([*_program(), "hook"])} "$@"\n')
    hook.chmod(0o755)
    standin.make(pipe(places, server))


def pipe(places: LabPlaces, server: Server) -> Path:
    """Where the warden of a server feeds its stand-in, as seen from outside."""
    return places.server(server.name) / _PIPE


def start(places: LabPlaces, server: Server) -> int:
    """Start the warden, inside its server; return its process."""
    log = str(places.server(server.name) / "warden.log")
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    words = [*_program(), "run", "--config", f"{SERVER_HOME}/{_CONFIG}"]
    return os.posix_spawn(words[0], words, dict(os.environ), file_actions=actions, setsid=True)


def _program() -> list[str]:
    return [sys.executable, "-I", f"{SERVER_HOME}/{_PROGRAM}"]
