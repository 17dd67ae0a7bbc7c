"""Which tests took most of the CPUs' time, said at the end of a part; no test fails for it.

What counts is CPU time, also of processes that a test started and that ended meanwhile: it is
about the same on a busy machine, and time on the clock is not.
"""

import os
from collections.abc import Iterator

import pytest

SHOWN = 15
_NAME = "cpu_s"


def _cpu_s() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


class Slowest:
    """Measures where tests run, and adds up where they are reported."""

    def __init__(self) -> None:
        self._begun = 0.0
        self.cpu_s: dict[str, float] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self) -> Iterator[None]:
        self._begun = _cpu_s()
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        yield
        item.user_properties.append((_NAME, _cpu_s() - self._begun))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if report.when == "teardown" and name == _NAME and isinstance(value, float):
                self.cpu_s[report.nodeid] = value

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        total = sum(self.cpu_s.values())
        terminalreporter.section(f"{total:.0f} s of CPU time, most of it by")
        by_cost = sorted(self.cpu_s.items(), key=lambda one: -one[1])
        for test, cpu_s in by_cost[:SHOWN]:
            terminalreporter.line(f"{cpu_s:6.1f} s  {test}")
