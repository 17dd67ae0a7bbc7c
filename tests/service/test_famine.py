"""A manager that may open few files: clear errors, nothing half-done, and it recovers."""

import resource
import socket
from pathlib import Path

import httpx

from anypool.cli import child
from anypool.settings import Settings
from tests.service.manager_kit import until
from tests.service.process_kit import Served, logged_in

SIM = {"uri": "sim://demo?hosts=3&vms=6&seed=1", "name": "demo"}


def few_files(files: int) -> list[str]:
    return ["prlimit", f"--nofile={files}:{files}", "--"]


def answers(served: Served) -> bool:
    try:
        return served.request("GET", "/vms").status_code == 200
    except httpx.TransportError:
        return False


def test_64_files_are_enough_and_a_flood_passes(tmp_path: Path) -> None:
    """Connections that only sit there take all files; it works again once they are gone."""
    settings = Settings(state_dir=str(tmp_path), listen_port=0)
    with child.manager(settings, few_files(64)) as manager:
        served = logged_in(manager)
        assert served.request("POST", "/endpoints", SIM).status_code == 201
        place = ("127.0.0.1", manager.settings.listen_port)
        idle = [socket.create_connection(place, timeout=5) for _ in range(80)]
        try:
            until(lambda: "no connection is accepted" in manager.log.read_text(), "it says so")
        finally:
            for sock in idle:
                sock.close()
        until(lambda: answers(served), "it answers again")
        body = {"name": "eve", "role": "viewer"}
        assert served.request("POST", "/users", body).status_code == 201
        log = manager.log.read_text()
        assert log.count("no connection is accepted") < 5
        assert "few open files" in log
        assert "LimitNOFILE" in log


def test_too_few_for_a_worker_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    settings = Settings(state_dir=str(tmp_path), listen_port=0)
    with child.manager(settings) as manager:
        served = logged_in(manager)
        assert served.request("GET", "/vms").status_code == 200
        soft, hard = resource.prlimit(manager.pid, resource.RLIMIT_NOFILE)
        used = len(list(Path(f"/proc/{manager.pid}/fd").iterdir()))
        resource.prlimit(manager.pid, resource.RLIMIT_NOFILE, (used + 3, hard))
        found = served.refused("POST", "/endpoints", SIM, 503)
        assert "no open files left" in found["detail"]
        resource.prlimit(manager.pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert served.rows("endpoints") == []
        assert served.request("POST", "/endpoints", SIM).status_code == 201
