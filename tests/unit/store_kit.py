"""What the tests of the store share; no test of its own."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from anypool.clock import ManualClock
from anypool.engine.loads.hour import Readings
from anypool.model import PlanId, RunId
from anypool.plan import Plan
from anypool.store import Store, plans, runs
from anypool.store.records import RunRecord, RunState
from anypool.store.tx import Tx

GOAL = Plan(goal="evacuate h1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/anypool.db", clock=clock)
    yield opened
    opened.close()


def readings(*values: float, name: str = "v1") -> Readings:
    """Return one value of each metric of one object."""
    return Readings((name,), np.array([values]).T)


class Child:
    """A process with an open store, told what to do line by line."""

    def __init__(self, url: str, before: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "tests.unit.store_child", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        self.send(line)
        return self.answer()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def child(url: str, before: Sequence[str] = ()) -> Iterator[Child]:
    made = Child(url, before)
    try:
        yield made
    finally:
        made.kill()
        for pipe in (made.process.stdin, made.process.stdout):
            assert pipe is not None
            pipe.close()


def add_plan(store: Store, name: str = "p1", plan: Plan = GOAL) -> PlanId:
    with store.writing() as tx:
        return plans.add(tx, PlanId(name), plan, by="ada").id


def add_run(tx: Tx, name: str, plan: PlanId, steps: int = 2) -> RunRecord:
    run = RunRecord(id=RunId(name), plan=plan, state=RunState.RUNNING, by="ada")
    runs.add_run(tx, run, steps)
    return run
