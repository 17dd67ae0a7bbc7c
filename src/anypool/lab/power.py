"""One server's power: starting its first process, ending every process, stopping them all."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from anypool.errors import AnypoolError
from anypool.lab import network
from anypool.lab.places import LabPlaces
from anypool.lab.processes import is_stopped, network_namespace, pids_in
from anypool.lab.spec import Role, Server

_FIRST: dict[Role, str] = {
    "host": "anypool.lab.server_init",
    "spare": "anypool.lab.server_init",
    "blade": "anypool.lab.blades.machine",
}
_START_TIMEOUT_S = 20.0
_END_TIMEOUT_S = 20.0
_SHUTDOWN_TIMEOUT_S = 15.0
_STOP_S = 1.0
_LOOK_AGAIN_S = 0.01


def start(
    places: LabPlaces, server: Server, on_record: Callable[[int], None], mode: str = ""
) -> int:
    """Boot a server and answer the process id of its first process.

    With `mode` `network` it starts from the network, if it can.

    `on_record` is told the server's network namespace, links plugged in, before anything
    else runs in it. Raises `AnypoolError` when the server does not come up that far.
    """
    network.disconnect(server)
    with subprocess.Popen(
        [sys.executable, "-m", _FIRST[server.role], str(places.directory), server.name, mode],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starting:
        assert starting.stdin is not None
        assert starting.stdout is not None
        ready, _, _ = select.select([starting.stdout], [], [], _START_TIMEOUT_S)
        line = starting.stdout.readline() if ready else ""
        if not line:
            starting.kill()
            raise AnypoolError(
                f"server {server.name} did not start", hint=f"its reason is in {places.log}"
            )
        pid = int(line)
        namespace = network_namespace(pid)
        if namespace is None:
            raise AnypoolError(f"server {server.name} ended while it started")
        network.connect(server, pid)
        on_record(namespace)
        starting.stdin.write("go\n")
    return pid


def end(server: Server, namespace: int, first_pid: int) -> None:
    """Unplug a server and end every process of it; returns when none is left.

    A dying process leaves its namespaces before its last thread is gone; the first process
    ends only after all others have, so its end is the proof. Raises `AnypoolError` when a
    process outlives the deadline.
    """
    network.disconnect(server)
    deadline = time.monotonic() + _END_TIMEOUT_S
    with _watched(first_pid) as first:
        while pids := pids_in(namespace):
            if time.monotonic() > deadline:
                raise AnypoolError(f"server {server.name}: processes {pids} cannot be ended")
            _signal(pids, signal.SIGKILL)
            time.sleep(_LOOK_AGAIN_S)
        if first is not None:
            ended, _, _ = select.select([first], [], [], _END_TIMEOUT_S)
            if not ended:
                raise AnypoolError(f"server {server.name}: its first process does not end")


def shut_down(server: Server, namespace: int, first_pid: int) -> None:
    """Ask a server to shut down in order; what is not gone in time is ended."""
    _signal((first_pid,), signal.SIGTERM)
    deadline = time.monotonic() + _SHUTDOWN_TIMEOUT_S
    while pids_in(namespace) and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_S)
    end(server, namespace, first_pid)


def freeze(server: Server, namespace: int) -> None:
    """Stop every process of a server; returns when every thread stands still.

    A process that started another by vfork stops only when that has begun its program; one
    stopped before would hold both for ever. So all go on for a moment before the next attempt.
    """
    deadline = time.monotonic() + _END_TIMEOUT_S
    while moving := _stop(namespace):
        thaw(namespace)
        if time.monotonic() > deadline:
            raise AnypoolError(f"server {server.name}: processes {moving} cannot be stopped")
        time.sleep(_LOOK_AGAIN_S)


def thaw(namespace: int) -> None:
    """Let every process of a server go on."""
    _signal(pids_in(namespace), signal.SIGCONT)


def _stop(namespace: int) -> tuple[int, ...]:
    """Stop all processes there; answer which do not stand still within a moment."""
    deadline = time.monotonic() + _STOP_S
    while moving := tuple(pid for pid in pids_in(namespace) if not is_stopped(pid)):
        if time.monotonic() > deadline:
            break
        _signal(moving, signal.SIGSTOP)
        time.sleep(_LOOK_AGAIN_S)
    return moving


@contextmanager
def _watched(pid: int) -> Iterator[int | None]:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _signal(pids: tuple[int, ...], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
