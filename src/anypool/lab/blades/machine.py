"""The first process of one blade: runs its QEMU, again after each reset, until it is off.

Run by the supervisor as `python -m anypool.lab.blades.machine LAB_DIRECTORY BLADE`. It takes
what QEMU tells of itself into the blade's journal.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from anypool.errors import Unreachable
from anypool.lab import first_process, kernel, network
from anypool.lab.blades import command, firmware
from anypool.lab.blades.board import Board
from anypool.lab.blades.hardware import Hardware, started
from anypool.lab.blades.monitor import monitor
from anypool.lab.places import LabPlaces
from anypool.lab.state import kept_lab

End = Literal["reset", "off", "failed"]

_RESETS = ("guest-reset", "host-qmp-system-reset", "subsystem-reset")
_START_S = 15.0


def main() -> None:
    """Be the blade named on the command line until its power is off."""
    places = LabPlaces(Path(sys.argv[1]))
    kept = kept_lab(places)
    server = kept.server(sys.argv[2])
    first_process.become(server.name)
    kernel.make_mounts_private()
    kernel.mount("proc", "/proc", "proc")
    network.cable_inside(command.TAPS)
    board = Board(places.server(server.name))
    log = places.consoles / f"{server.name}.log"
    board.note("power-on", "the blade is switched on")
    while True:
        hardware = _posted(board)
        firmware.write(board, hardware)
        argv = command.argv(server, hardware, board, kept.accelerator, log)
        end = _run(board, argv)
        if end != "reset":
            why = {"off": "the blade switched itself off", "failed": "its QEMU ended by itself"}
            board.note("power-off", why[end])
            return
        board.note("reset", "the blade starts anew")


def _posted(board: Board) -> Hardware:
    now: list[Hardware] = []

    def post(kept: Hardware) -> Hardware:
        at_once, later = started(kept)
        now.append(at_once)
        return later

    board.change(post)
    return now[0]


def _run(board: Board, argv: list[str]) -> End:
    """Run QEMU to its end, and say what kind of end that was."""
    board.events.unlink(missing_ok=True)
    board.monitor.unlink(missing_ok=True)
    with (board.folder / "qemu.log").open("ab") as said:
        running = subprocess.Popen(
            argv, cwd=board.folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    end: End = "failed"
    try:
        with monitor(board.events, wait_s=_START_S) as told:
            end = heard(board, told.events())
    except Unreachable:
        running.kill()
    running.wait()
    return end


def heard(board: Board, events: Iterable[dict[str, Any]]) -> End:
    """Note what QEMU tells until it ends; return what kind of end that was."""
    end: End = "failed"
    for event in events:
        kind = event.get("event", "")
        if kind == "WATCHDOG":
            board.note("watchdog", "its watchdog was fed no more")
        elif kind == "GUEST_PANICKED":
            board.note("panic", "what runs on the blade panicked")
        elif kind == "SHUTDOWN":
            end = "reset" if event["data"]["reason"] in _RESETS else "off"
    return end


if __name__ == "__main__":
    main()
