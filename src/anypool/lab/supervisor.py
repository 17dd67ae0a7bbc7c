"""The first process of a lab: when it ends, the kernel ends everything in the lab.

Run as `python -m anypool.lab.supervisor LAB_DIRECTORY` in namespaces of its own. It only
reaps; the work is done by its child, the director. Until the lab is up, each line on standard
output is a step for people, and the last one is `ready` or `failed REASON`.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from anypool.errors import AnypoolError
from anypool.lab import network
from anypool.lab.commands import search_path
from anypool.lab.control import Reply, Request, listen, read_line
from anypool.lab.director import Director
from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.spec import BMC_PORT, Server

_RESTART_DELAY_S = 1.0
_BMC_TIMEOUT_S = 30.0
_LOOK_AGAIN_S = 1.0


def main() -> None:
    """Become the first process of the lab in the folder named on the command line."""
    places = LabPlaces(Path(sys.argv[1]))
    os.environ["PATH"] = search_path()
    listener = listen(places)
    director = os.fork()
    if director:
        _send_output_to_log()
        _reap_until(director)
        return
    _direct(places, listener)


def _reap_until(director: int) -> None:
    while os.wait()[0] != director:
        pass


def _direct(places: LabPlaces, listener: socket.socket) -> None:
    """Boot the lab and serve orders for as long as its folder is there."""
    kept = msgspec.json.decode(places.spec.read_bytes(), type=KeptLab)
    try:
        network.make_networks(kept)
        director = Director(kept, places)
        for program, log in _controllers(kept, places):
            words = (program, log, places)
            threading.Thread(target=_keep_running, args=words, daemon=True).start()
        director.boot_hosts(_report)
        _wait_for_bmcs(kept)
    except AnypoolError as problem:
        _report(f"failed {problem.message}")
        return
    threading.Thread(target=_serve, args=(listener, director), daemon=True).start()
    threading.Thread(target=director.watch, daemon=True).start()
    _report("ready")
    _send_output_to_log()
    while places.spec.exists():
        time.sleep(_LOOK_AGAIN_S)


def _serve(listener: socket.socket, director: Director) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection, director), daemon=True).start()


def _answer(connection: socket.socket, director: Director) -> None:
    with connection:
        line = read_line(connection)
        if not line:
            return
        try:
            reply = director.obey(msgspec.json.decode(line, type=Request))
        except msgspec.DecodeError as problem:
            reply = Reply(error="Invalid", message=f"not an order: {problem}")
        connection.sendall(msgspec.json.encode(reply) + b"\n")


def _controllers(kept: KeptLab, places: LabPlaces) -> list[tuple[str, Path]]:
    """Return the programs that are the servers' controllers, each with its log."""
    blades = [server for server in kept.servers if server.role == "blade"]
    found = []
    if len(blades) < len(kept.servers):
        found.append(("anypool.lab.bmc", places.bmc_log))
    if blades:
        found.append(("anypool.lab.blades.bmc", places.blade_log))
        found.append(("anypool.lab.blades.ipmi", places.ipmi_log))
    return found


def _keep_running(program: str, log_file: Path, places: LabPlaces) -> None:
    while True:
        with log_file.open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", program, str(places.directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        time.sleep(_RESTART_DELAY_S)


def _wait_for_bmcs(kept: KeptLab) -> None:
    deadline = time.monotonic() + _BMC_TIMEOUT_S
    for server in kept.servers:
        while not _answers(server):
            if time.monotonic() > deadline:
                raise AnypoolError(f"the BMC of {server.name} does not answer")
            time.sleep(0.05)


def _answers(server: Server) -> bool:
    try:
        with socket.create_connection((server.bmc_address, BMC_PORT), timeout=1):
            return True
    except OSError:
        return False


def _report(line: str) -> None:
    print(line, flush=True)


def _send_output_to_log() -> None:
    os.dup2(2, 1)


if __name__ == "__main__":
    main()
