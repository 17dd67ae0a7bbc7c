"""A leader is stopped past its lease in an evacuation, and goes on when it is too late.

Two managers on a PostgreSQL, real hosts, and one evacuation a round, of two VMs one after the
other. One round freezes the manager with its workers, the next the manager alone. It thaws
while its successor is at work. `make prove` plays 20 rounds, TEST_ROUNDS any number.
"""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.cli.child import Manager
from anypool.cli.client import Client
from anypool.errors import AnypoolError
from anypool.settings import Settings
from tests.lab.conftest import RunningLab, lab_or_skip, wait_until
from tests.lab.full_stack import BOTH, Scenario, Stack, call_back, prepare, write_settings
from tests.lab.oracle import Oracle
from tests.service.postgres_kit import Server, running

pytestmark = [pytest.mark.lab, pytest.mark.postgres, pytest.mark.timeout(3600)]

ROUNDS = int(
    os.environ.get("TEST_ROUNDS") or (20 if os.environ.get("TEST_PROFILE") == "prove" else 2)
)
TAKES_OVER_S = 10.0
LEASE_S = 6.0
"""As it is by default."""
USUAL = {"lease_s": LEASE_S, "moves_per_host": 1}


class Two(Stack):
    """A lab with two managers on one PostgreSQL; `client` speaks to the one that leads."""

    def __init__(self, lab: RunningLab, folder: Path, server: Server) -> None:
        super().__init__(lab, folder)
        self.database = server.url("anypool")
        self.both: list[tuple[Manager, Client]] = []
        self._managers = ExitStack()

    def start(self) -> None:
        """Start both; the second one has the keys of the first."""
        folder = Path(self.settings.state_dir)
        for number, name in enumerate(("one", "two")):
            chosen = Settings(state_dir=str(folder / name), listen_port=0, database=self.database)
            write_settings(chosen, database=self.database, **USUAL)
            if number:
                for key in (folder / "one").glob("secrets.key*"):
                    shutil.copy(key, folder / name)
            self.both.append(self._managers.enter_context(self.another(chosen)))
        self.manager, self.client = self.both[0]
        self.is_up = True

    def stop(self) -> None:
        self.is_up = False
        self._managers.close()

    def turn_to(self, number: int) -> None:
        """Let orders go to the other one from now on."""
        self.manager, self.client = self.both[number]


def leads(client: Client) -> bool:
    try:
        return bool(client.get("/health/ready")["leads"])
    except AnypoolError:
        return False


def count_steps(client: Client, operation: str) -> list[str]:
    """The steps of an operation that ended, each with how often it was begun."""
    steps = client.get(f"/operations/{operation}")["steps"]
    return [f"{step['number']} {step['state']} {step['attempts']}" for step in steps]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Two managers with a lab of their own: others have guests of the same names in theirs."""
    lab = lab_or_skip(f"z{os.getpid()}", tmp_path / "lab")
    with running() as server:
        server.sql("CREATE DATABASE anypool")
        made = Two(lab, tmp_path, server)
        try:
            made.start()
            made.fill()
            yield made
        finally:
            made.stop()
            labs.down(lab.name, lab.state_dir, print)


def play(two: Two, number: int) -> float:
    """Play one round; return how long it took the other manager to take over."""
    leader = next(n for n, (_, client) in enumerate(two.both) if leads(client))
    two.turn_to(leader)
    source = prepare(two)
    frozen, old_client = two.both[leader]
    stop = os.killpg if number % 2 == 0 else os.kill
    with Oracle(two.consoles) as oracle:
        two.wait_for_ticks(oracle, more=2)
        scenario = Scenario(two, oracle, source)
        before = {name: set(oracle.copies(two.vms[name])) for name in BOTH}
        operation = two.post(f"/hosts/{source}/evacuate")
        two.wait_for_flow((operation,))
        stop(frozen.pid, signal.SIGSTOP)
        began = time.monotonic()
        try:
            two.turn_to(1 - leader)
            scenario.wait(partial(leads, two.client), "the other one leads", timeout_s=30)
            took_s = time.monotonic() - began
        finally:
            stop(frozen.pid, signal.SIGCONT)
        seen = scenario.end(operation)
        assert seen["state"] == "done", seen
        scenario.wait(lambda: not leads(old_client), "the first one notices", timeout_s=20)
        scenario.once()
        assert not two.lab.processes(source)
        for name in BOTH:
            more = oracle.ever(two.vms[name]) - before[name]
            assert len(more) == 1, f"{name} was received {len(more)} times"
    print(f"round {number}: took over in {took_s:.1f} s, {count_steps(two.client, operation)}")
    two.do(f"/hosts/{source}/leave-maintenance")
    return took_s


def test_a_stopped_leader_does_nothing_twice(two: Two) -> None:
    took = []
    with ExitStack() as stack:
        two.do("/hosts/h3/evacuate")
        stack.callback(call_back, two)
        for number in range(ROUNDS):
            took.append(play(two, number))
    print(f"{ROUNDS} rounds, took over in {min(took):.1f} to {max(took):.1f} s")
    assert max(took) < TAKES_OVER_S
    wait_until(lambda: sum(leads(client) for _, client in two.both) == 1, "one leads")
