"""The stand-in for a watchdog: ends whom it is told to, when he is silent for too long."""

import json
import os
import threading
from pathlib import Path

from anypool.lab.standin import StandIns, make
from anypool.warden.watchdog import StandIn


def test_server_that_feeds_no_more_is_ended_and_another_is_not(tmp_path: Path) -> None:
    pipes = {name: tmp_path / name for name in ("h1", "h2", "h3")}
    for pipe in pipes.values():
        make(pipe)
    bitten: list[str] = []
    ended = threading.Event()

    def bite(name: str) -> None:
        bitten.append(name)
        ended.set()

    guards = StandIns(pipes, bite)
    h1, h2, h3 = (StandIn(str(pipes[name]), 0) for name in ("h1", "h2", "h3"))
    armed = h1.arm()
    assert armed.kind == "stand-in"
    assert "no hardware" in armed.identity
    h2.arm()
    h2.disarm()
    h3.arm()
    guards.calm("h3")  # switched off meanwhile: what is in the pipe was read before
    os.close(h3._handle)
    guards.turn(0)
    assert ended.wait(5)
    assert "h1" in bitten
    assert "h2" not in bitten


def test_what_it_is_lies_beside_it(tmp_path: Path) -> None:
    make(tmp_path / "watchdog")
    said = json.loads((tmp_path / "watchdog.identity").read_text())
    assert "a process" in said["identity"]
