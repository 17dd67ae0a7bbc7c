"""Managers as processes on one PostgreSQL: one of them is frozen, killed, and comes late."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from anypool.cli import child
from anypool.settings import Settings
from tests.service import postgres_kit
from tests.service.manager_kit import until
from tests.service.process_kit import Served, logged_in

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

TAKES_OVER_S = 10.0
PATIENCE_S = 60.0
POOLS = ("a", "b", "c", "d")
HOSTS_EACH = 2


class Two:
    """Two managers and four pools, and a client that speaks to whichever lives."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder = folder
        self.database = database
        self.stack = ExitStack()
        self.one = self.start("one")
        self.served = logged_in(self.one)
        for key in (folder / "one").glob("secrets.key*"):
            (folder / "two").mkdir(exist_ok=True)
            shutil.copy(key, folder / "two")
        self.two = self.start("two")

    def start(self, name: str) -> child.Manager:
        """Start a manager; it is killed in the end."""
        state = self.folder / name
        state.mkdir(mode=0o700, exist_ok=True)
        chosen = {"measure_every_s": 0.5, "changes_wait_s": 1.0, "observe_every_s": 2.0}
        lines = [f"{key} = {value}" for key, value in chosen.items()]
        text = "\n".join([*lines, f'database = "{self.database}"'])
        (state / "anypool.toml").write_text(text)
        settings = Settings(state_dir=str(state), listen_port=0, database=self.database)
        return self.stack.enter_context(child.manager(settings))

    def ask(self, manager: child.Manager, path: str) -> Any:
        """Read a path of one manager's API; None while it does not answer."""
        token = self.served.environment["ANYPOOL_TOKEN"]
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = httpx.get(f"{manager.url}/api/v1{path}", headers=headers, timeout=5.0)
        except httpx.TransportError:
            return None
        return answer.json() if answer.status_code == 200 else None

    def shares(self, manager: child.Manager) -> dict[str, list[str]]:
        """The pools with hosts that each manager looks after, by address."""
        found = self.ask(manager, "/managers") or {"items": []}
        return {
            one["address"]: sorted(p["pool"] for p in one["looks_after"] if p["pool"] in POOLS)
            for one in found["items"]
        }

    def up(self, manager: child.Manager) -> int:
        """How many hosts answer, as a manager says."""
        found = self.ask(manager, "/hosts?q=state+=+up")
        return -1 if found is None else int(found["total"])


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    tmp_path = tmp_path_factory.mktemp("two")
    with postgres_kit.running() as server:
        server.sql("CREATE DATABASE anypool")
        made = Two(tmp_path, server.url("anypool"))
        with made.stack:
            fill(made.served, tmp_path)
            yield made


def fill(served: Served, folder: Path) -> None:
    for number, pool in enumerate(POOLS):
        assert served.request("POST", "/pools", {"name": pool}).status_code == 201
        world = f"hosts={HOSTS_EACH}&vms=2&seed={number}&state={folder}/{pool}.world"
        body = {"uri": f"sim://{pool}?{world}", "name": pool, "pool": pool}
        assert served.request("POST", "/endpoints", body).status_code == 201


def shared(two: Two, manager: child.Manager) -> bool:
    """Whether each of both has half of the pools."""
    return [len(pools) for pools in two.shares(manager).values()] == [2, 2]


def within(two: Two, manager: child.Manager, who: child.Manager, began: float) -> float:
    """Wait until one manager looks after everything; return how long after `began` that was."""
    until(lambda: two.shares(manager).get(who.url) == list(POOLS), "it has all pools", PATIENCE_S)
    return time.monotonic() - began


def test_a_looker_that_freezes_and_thaws_leaves_no_gap(two: Two) -> None:
    everybody = HOSTS_EACH * len(POOLS)
    until(lambda: shared(two, two.one), "each has two pools", PATIENCE_S)
    until(lambda: two.up(two.one) == everybody, "all hosts answer", PATIENCE_S)
    os.killpg(two.two.pid, signal.SIGSTOP)
    began = time.monotonic()
    seen: list[int] = []
    try:
        while two.shares(two.one).get(two.one.url) != list(POOLS):
            seen.append(two.up(two.one))
            assert time.monotonic() - began < PATIENCE_S
        took_s = time.monotonic() - began
    finally:
        os.killpg(two.two.pid, signal.SIGCONT)
    print(f"taken over in {took_s:.1f} s")
    assert set(seen) == {everybody}, "hosts that were looked at by the frozen one were lost"
    assert took_s < TAKES_OVER_S
    until(lambda: shared(two, two.one), "it has its share again", PATIENCE_S)
    assert two.up(two.one) == everybody


def test_a_leader_that_is_killed_leaves_all_pools_to_the_other_and_they_are_dealt_again(
    two: Two,
) -> None:
    everybody = HOSTS_EACH * len(POOLS)
    until(lambda: shared(two, two.one), "each has two pools", PATIENCE_S)
    two.one.kill()
    took_s = within(two, two.two, two.two, time.monotonic())
    print(f"taken over in {took_s:.1f} s")
    assert took_s < TAKES_OVER_S + 1.5, "of the lease, and the next round of dealing"
    until(lambda: two.up(two.two) == everybody, "all hosts answer", PATIENCE_S)
    third = two.start("one")
    until(lambda: len(two.shares(two.two).get(third.url, [])) == 2, "who comes has two", PATIENCE_S)
    assert two.up(two.two) == everybody
