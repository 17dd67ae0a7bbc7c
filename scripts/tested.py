"""Which mistake do tests see? Puts each into the program, and runs the tests that reach its line.

    python -m scripts.tested anypool.engine.ha.charges -- tests/unit/test_ha_charges.py

asks the tests after `--` about the modules before it; without modules, those that decide whether
and where a VM starts after a failure (`MODULES`), and their cheapest tests (`TESTS`). A mutant is
seen as soon as one test fails, never ends, or breaks off. Everything is in one process and its
forks, and one at a time: this may run beside other work.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from scripts.mutating import Mutant
from scripts.planted import file_of, mutants_in, put_in
from tests import databases

MODULES = (
    "anypool.model.proof",
    "anypool.planner.failover.left",
    "anypool.planner.ha.again",
    "anypool.planner.ha.anew",
    "anypool.planner.ha.astray",
    "anypool.planner.ha.brake",
    "anypool.planner.ha.decide",
    "anypool.planner.ha.deeds",
    "anypool.planner.ha.detect",
    "anypool.planner.ha.life",
    "anypool.planner.ha.mend",
    "anypool.planner.ha.protect",
    "anypool.planner.ha.way",
    "anypool.engine.ha.asking",
    "anypool.engine.ha.begin",
    "anypool.engine.ha.charges",
    "anypool.engine.ha.ears",
    "anypool.engine.ha.fences",
    "anypool.engine.ha.guard",
    "anypool.engine.ha.leasing",
    "anypool.engine.ha.patients",
    "anypool.engine.ha.rounds",
    "anypool.engine.ha.statements",
    "anypool.engine.ha.wanted",
    "anypool.engine.observing.leases",
    "anypool.engine.lease",
)
TESTS = (
    *(f"tests/unit/test_ha_{name}.py" for name in (
        "again", "asking", "charges", "charges_kept", "clocks", "decide", "detect", "ears",
        "judging", "lease_sights", "leasing", "mend", "platform", "restart_order",
    )),
    *(f"tests/simulation/test_ha{name}.py" for name in (
        "", "_faults", "_leases", "_ready", "_silence", "_statements", "_vms",
    )),
)  # fmt: skip
SLACK = 4
"""A test that takes so many times as long as without the mistake, and a while, never ends."""
WHILE_S = 10
STUCK_S = 120

Lines = dict[str, set[int]]


@dataclass(frozen=True)
class Reach:
    """Which lines of which module a test runs through, and the processor seconds it takes."""

    lines: Lines
    took_s: float


def main() -> int:
    """Print each mutant with the test that sees it, then how many were seen; return 0."""
    given, _, tests = " ".join(sys.argv[1:]).partition("--")
    os.environ["TEST_PROFILE"] = "ci"  # else a mutant would be another try of the same luck
    options = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:randomly", *(tests.split() or TESTS)]
    return int(pytest.main(options, plugins=[_Session(tuple(given.split()) or MODULES)]))


class _Session:
    """Takes the place of the loop that runs tests: collects them once, then forks."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self._modules = modules

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Play each test as it is, then against each mutant."""
        databases._new()
        files = {str(file_of(name)): name for name in self._modules}
        reach: dict[pytest.Item, Reach] = {}
        for item in session.items:
            said = _apart(partial(_traced, item, files), STUCK_S)
            if said is None or said["failed"]:
                _say(f"left out, as it fails by itself: {item.nodeid}")
                continue
            lines = {name: set(numbers) for name, numbers in said["lines"].items()}
            reach[item] = Reach(lines, said["took_s"])
        found = mutants_in(self._modules)
        seen: dict[str, list[bool]] = defaultdict(list)
        for mutant in found:
            by = _sees(mutant, reach)
            seen[mutant.module].append(bool(by))
            _say(f"{'seen' if by else 'UNSEEN'}  {mutant.name}  {mutant.lines}  {by}")
        for module, each in seen.items():
            _say(f"{module}: {len(each)} mutants, {sum(each)} seen")
        return True


def _sees(mutant: Mutant, reach: dict[pytest.Item, Reach]) -> str:
    """Return the test that sees a mutant, "" if none does; the cheapest are asked first."""
    some = [(one.took_s, item) for item, one in reach.items() if _concerns(mutant, one.lines)]
    some.sort(key=lambda one: one[0])
    limit_s = int(SLACK * sum(took_s for took_s, _ in some)) + WHILE_S

    def played() -> dict[str, Any]:
        with put_in(mutant):
            for _, item in some:
                if _fails(item):
                    return {"by": item.nodeid}
        return {"by": ""}

    if not some:
        return ""
    said = _apart(played, limit_s)
    return "no end" if said is None else str(said["by"])


def _concerns(mutant: Mutant, lines: Lines) -> bool:
    return not mutant.lines or bool(lines.get(mutant.module, set()) & set(mutant.lines))


def _traced(item: pytest.Item, files: dict[str, str]) -> dict[str, Any]:
    lines: Lines = defaultdict(set)

    def trace(frame: Any, event: str, _: Any) -> Any:
        name = files.get(frame.f_code.co_filename)
        if name is None:
            return None
        lines[name].add(frame.f_lineno)
        return trace

    begun = time.process_time()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        failed = _fails(item)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    took_s = time.process_time() - begun
    told = {name: sorted(numbers) for name, numbers in lines.items()}
    return {"failed": failed, "lines": told, "took_s": took_s}


def _fails(item: pytest.Item) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=None)
    return any(report.failed for report in reports)


def _apart(work: Callable[[], dict[str, Any]], limit_s: int) -> dict[str, Any] | None:
    """Return what comes of work in a process of its own; None if it does not end, or breaks."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _alone(work, writing, limit_s)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    found: dict[str, Any] | None = json.loads(said) if said else None
    return found


def _alone(work: Callable[[], dict[str, Any]], writing: int, limit_s: int) -> None:
    """Do the work of a child, and end it."""
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
        signal.alarm(STUCK_S + limit_s)
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        os.write(writing, json.dumps(work()).encode())
    finally:
        os._exit(0)


def _say(text: str) -> None:
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
