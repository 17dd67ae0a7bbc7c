"""`anypool plan balance MODEL ASSIGNMENT --from roadef`: files, what is wrong in them, Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anypool.cli.plan_reassign import PACES
from tests.service.manager_kit import DEADLINE_S, until
from tests.unit.cli_kit import Terminal
from tests.unit.reassign_judge import Instance, Machine

ANYPOOL = [sys.executable, "-m", "anypool.cli.main"]
HOSTS, VMS = 6, 30


@pytest.fixture
def instance() -> Instance:
    """Return thirty processes that crowd two of six machines, and pairs that must be apart."""
    rows = [
        Machine(m % 2, m % 3, [90, 90], [30, 90], [3 * (m != n) for n in range(HOSTS)])
        for m in range(HOSTS)
    ]
    return Instance(
        resources=[(0, 10), (1, 1)],
        machines=rows,
        services=[(2, [])] * (VMS // 2),
        processes=[(p // 2, [2 + p % 5, 1 + p % 3], 1 + p % 4) for p in range(VMS)],
        balances=[(0, 1, 1, 2)],
        weights=(1, 10, 1),
        home=[p % 2 for p in range(VMS)],
    )


@pytest.fixture
def files(instance: Instance, tmp_path: Path) -> tuple[str, str]:
    """Return where the model and the assignment are."""
    model, assignment = tmp_path / "model.txt", tmp_path / "assignment.txt"
    model.write_text(instance.model())
    assignment.write_text(instance.assignment())
    return str(model), str(assignment)


@pytest.fixture
def anypool(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


def _read(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def test_a_better_assignment_is_written_and_told(
    instance: Instance, files: tuple[str, str], tmp_path: Path, anypool: Terminal
) -> None:
    better = tmp_path / "better.txt"
    words = ["plan", "balance", *files, "--from", "roadef", "--seconds", "0.5", "--cores", "1"]
    shown = anypool(*words, "--write", str(better))
    assert shown.code == 0
    assert f"Written to {better}. Nothing was done." in shown.err
    where = _read(better.read_text())
    assert instance.allowed(where)
    assert instance.cost(where) < instance.cost(instance.home)
    assert shown.out.split()[5:7] == [str(instance.cost(instance.home)), str(instance.cost(where))]


def test_seconds_of_cpu_time_do_not_pass_while_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    used = [3.0]
    monkeypatch.setattr("anypool.cli.plan_reassign.time.process_time", lambda: used[0])
    spent = PACES["cpu"](10.0, 0.0, 2)
    assert spent(0) == 0.3  # one core alone, before the search
    assert spent(100) == 0.3
    used[0] = 5.0
    assert spent(200) == 0.4
    assert PACES["wall"](10.0, -1e9, 2)(0) > 1


def test_the_clock_may_be_that_of_the_cpu(
    instance: Instance, files: tuple[str, str], anypool: Terminal
) -> None:
    words = ["plan", "balance", *files, "--from", "roadef", "--cores", "1"]
    begin = time.process_time()
    shown = anypool(*words, "--clock", "cpu", "--seconds", str(begin + 0.3))
    assert instance.allowed(_read(shown.out))
    assert time.process_time() - begin >= 0.3


def test_without_a_place_for_it_the_assignment_is_printed(
    instance: Instance, files: tuple[str, str], anypool: Terminal
) -> None:
    words = ["plan", "balance", *files, "--from", "roadef", "--seconds", "0.2", "--cores", "1"]
    shown = anypool(*words)
    where = _read(shown.out)
    assert instance.allowed(where)
    assert f"Cost {instance.cost(instance.home)} -> {instance.cost(where)}," in shown.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("model", "2\n0 10\n1 x\n", "the model, line 3: 'x' is not a whole number"),
        ("model", "", "the model, line 1: the file ends where the number of resources must follow"),
        ("assignment", "0 1 0\n", "the file ends where a machine for each of 30 processes"),
        ("assignment", "9 " * VMS, "the assignment, line 1: there is no machine 9"),
        (
            "assignment",
            "0 0" + " 0 1" * 14,
            "service 0 has two processes on machine 0",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_line_and_nothing_is_written(
    files: tuple[str, str], tmp_path: Path, anypool: Terminal, wrong: tuple[str, str, str]
) -> None:
    name, text, message = wrong
    (tmp_path / f"{name}.txt").write_text(text)
    better = tmp_path / "better.txt"
    words = ["plan", "balance", *files, "--from", "roadef", "--seconds", "60"]
    shown = anypool(*words, "--write", str(better))
    assert shown.code != 0
    assert message in shown.err
    assert not better.exists()


@pytest.mark.parametrize("place", ["missing/better.txt", "."])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_search(
    files: tuple[str, str], tmp_path: Path, anypool: Terminal, place: str
) -> None:
    words = ["plan", "balance", *files, "--from", "roadef", "--seconds", "600"]
    shown = anypool(*words, "--write", str(tmp_path / place))
    assert shown.code != 0
    assert "cannot be written" in shown.err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_search_with_the_best_so_far(
    instance: Instance, files: tuple[str, str], tmp_path: Path, stop: signal.Signals
) -> None:
    better, said = tmp_path / "better.txt", tmp_path / "said"
    words = ["plan", "balance", *files, "--from", "roadef", "--seconds", "60", "--cores", "1"]
    with said.open("wb") as output:
        searching = subprocess.Popen(
            [*ANYPOOL, *words, "--write", str(better)], stdout=output, stderr=output
        )
    try:
        until(lambda: "%  cost" in said.read_text(), "it says how far it is")
        searching.send_signal(stop)
        assert searching.wait(DEADLINE_S) == 0
    finally:
        searching.kill()
        searching.wait()
    assert "ending with what is there" in said.read_text()
    where = _read(better.read_text())
    assert instance.allowed(where)
    assert instance.cost(where) < instance.cost(instance.home)


WALK = """
import sys
import numpy as np
from anypool.exchange.roadef import read
from anypool.planner.reassign.compiled import COMPILED
from anypool.planner.reassign.tables import reprice, state, tables
from anypool.planner.reassign.walk import walk
problem = read(*sys.stdin.read().split("#"))
t = tables(problem)
s = state(problem, t, problem.home)
for prices in ([3, 4], [0, 0]):
    reprice(problem, s, np.array(prices))
    walk(t, s, np.array([1, 2, 3, 4]), 400, np.array([30.0, 9.0, 0.3, 0.1, 0.1]))
    print(s.where.tolist(), s.totals.tolist(), s.costs.tolist())
print(COMPILED, file=sys.stderr)
"""


def test_compiled_and_plain_loops_make_the_same_steps(instance: Instance) -> None:
    said = []
    for switch in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", WALK],
            input=f"{instance.model()}#{instance.assignment()}",
            env={**os.environ, "NUMBA_DISABLE_JIT": switch},
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        said.append((done.stdout, done.stderr.split()[-1]))
    assert said[0][0] == said[1][0]
    assert said[1][1] == "False"
