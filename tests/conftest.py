"""What all tests share: the two parts they run in, excuses for skipping, hypothesis profiles.

A skip is only right where ./test said so beforehand: it writes a file of excuses (mark, tab,
reason) named by TEST_EXCUSES. Tests with such a mark are skipped, and any other skip fails
the run. Without TEST_EXCUSES, as when a developer calls pytest, tests may skip themselves.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from anypool.store import act
from tests import databases, parts
from tests.order import longest_first
from tests.slowest import Slowest

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # compiling takes longer than the fast tests
# Else each of a thousand processes that tests start would compile the whole product anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, database=None
)
hypothesis.settings.register_profile("prove", deadline=None, max_examples=5000)
hypothesis.settings.load_profile(
    os.environ.get("TEST_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


@pytest.fixture(autouse=True)
def _nobody_acts() -> None:
    """Forget in whose name the test before wrote: contexts outlive tests."""
    act.begin(None)


@pytest.fixture
def migrated_anew() -> Iterator[None]:
    """Let the migrations make each new database of this test, instead of copying one."""
    with databases.migrated_anew():
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        choices=("fast", "rest"),
        help="fast: tidy, unit and contract tests that need no lab and no database; rest: others",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Skips(os.environ), "skips")
    if config.getoption("--part"):
        config.pluginmanager.register(Slowest(), "slowest")
    databases.copy_new_ones()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import files without a test of the part: each worker would, for seconds."""
    part, marks = config.getoption("--part"), config.getoption("-m")
    return None if part is None or parts.may_hold(collection_path, part, marks) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("--part")
    if part is not None:
        if wrong := [item.nodeid for item in items if parts.is_hidden(item)]:
            raise pytest.UsageError(f"the file does not show to which part it belongs: {wrong}")
        wanted = [item for item in items if parts.is_fast(item) == (part == "fast")]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
        items[:] = wanted
        longest_first(items)
    for mark, why in read_excuses(os.environ.get("TEST_EXCUSES")).items():
        for item in items:
            if item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=why))


def read_excuses(path: str | None) -> dict[str, str]:
    """Marks that may be skipped, and why."""
    lines = Path(path).read_text(encoding="utf-8").splitlines() if path else []
    return dict(line.split("\t", 1) for line in lines)


class Skips:
    """Counts skips; those nobody excused fail the run. All are listed in the file TEST_SKIPS."""

    def __init__(self, environment: os._Environ[str] | dict[str, str]) -> None:
        self.strict = "TEST_EXCUSES" in environment
        self.excuses = set(read_excuses(environment.get("TEST_EXCUSES")).values())
        self.report = environment.get("TEST_SKIPS")
        self.seen: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            where_line_why = report.longrepr
            why = where_line_why[2] if isinstance(where_line_why, tuple) else str(where_line_why)
            self.seen.append((report.nodeid, why.removeprefix("Skipped: ")))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.seen.append((report.nodeid, str(report.longrepr)))

    @property
    def unexpected(self) -> list[tuple[str, str]]:
        return [(test, why) for test, why in self.seen if why not in self.excuses]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput"):
            return
        if self.report:
            with Path(self.report).open("a", encoding="utf-8") as file:
                file.writelines(f"    {test}: {why}\n" for test, why in self.seen)
        if self.strict and self.unexpected and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.strict and self.unexpected:
            terminalreporter.section("skipped without an excuse", red=True)
            for test, why in self.unexpected:
                terminalreporter.line(f"{test}: {why}")
