"""The first process of one server: makes its namespaces, then keeps its libvirt daemon alive.

Run by the supervisor as `python -m anypool.lab.server_init LAB_DIRECTORY SERVER [network]`.
"""

import os
import signal
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from anypool.lab import first_process, netstart, network, server_mounts, wardens
from anypool.lab.libvirt_files import SERVER_HOME
from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.spec import Server

_RESTART_DELAY_S = 0.5
_STOP_TIMEOUT_S = 5.0


def main() -> None:
    """Become the server named on the command line."""
    places = LabPlaces(Path(sys.argv[1]))
    kept = msgspec.json.decode(places.spec.read_bytes(), type=KeptLab)
    server = kept.server(sys.argv[2])
    first_process.become(server.name)
    server_mounts.mount_all(kept, places, server)
    from_network = netstart.WORD in sys.argv[3:]
    network.configure_inside(server, rootless=kept.rootless, netstart=from_network)
    if from_network:
        netstart.start()
        server_mounts.take_root(places)
    starts: list[Callable[[], int]] = [partial(_start_daemon, kept, places, server)]
    if kept.wardens:
        Path(wardens.BOOT_FILE).write_text(str(uuid.uuid4()))
        starts.insert(0, partial(wardens.start, places, server))
    if from_network:
        starts.append(netstart.serve)
    _keep_running(starts)


def _start_daemon(kept: KeptLab, places: LabPlaces, server: Server) -> int:
    log = str(places.server(server.name) / "libvirtd.log")
    environment = dict(os.environ)
    if kept.rootless:
        os.makedirs("/run/user", exist_ok=True)
        environment |= {
            "HOME": f"{SERVER_HOME}/state",
            "XDG_RUNTIME_DIR": "/run/user",
            "XDG_CONFIG_HOME": f"{SERVER_HOME}/config",
            "XDG_CACHE_HOME": f"{SERVER_HOME}/cache",
            "XDG_DATA_HOME": f"{SERVER_HOME}/data",
            "XDG_STATE_HOME": f"{SERVER_HOME}/state",
        }
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    words = ["libvirtd", *(() if netstart.TOLD.exists() else ("--listen",))]
    return os.posix_spawnp("libvirtd", words, environment, file_actions=actions, setsid=True)


def _keep_running(starts: list[Callable[[], int]]) -> None:
    """Reap every orphan of the server and start each daemon again when it ends; never returns.

    SIGTERM is the server's orderly shutdown: everything is asked to end, then this ends, and
    the kernel ends whatever is left with it.
    """
    signal.signal(signal.SIGTERM, _shut_down)
    daemons = {start(): start for start in starts}
    while True:
        pid, _ = os.wait()
        if (start := daemons.pop(pid, None)) is not None:
            time.sleep(_RESTART_DELAY_S)
            daemons[start()] = start


def _shut_down(_signal: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(-1, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            time.sleep(0.02)
    os._exit(0)


if __name__ == "__main__":
    main()
