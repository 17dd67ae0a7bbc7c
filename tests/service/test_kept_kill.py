"""A manager that is killed without a warning has what it wrote, and the next one goes on."""

from pathlib import Path
from typing import Any

from anypool.cli import child
from anypool.settings import Settings
from tests.service.manager_kit import until
from tests.service.process_kit import Served, logged_in

QUICK = """
observe_every_s = 2.0
measure_every_s = 0.2
history_step_s = 1
history_flush_s = 0.3
inventory_every_s = 0.3
"""


def values(manager: Served, since: float, until_: float = 0.0) -> dict[int, float]:
    """The mean CPU of vm1 by its time, where it is known."""
    path = f"/vms/vm1/history?metric=cpu_percent&step=1&since={since}&until={until_}"
    found: dict[str, Any] = manager.request("GET", path).json()
    column = found["metrics"]["cpu_percent"]["mean"]
    both = zip(found["times"], column, strict=True)
    return {at: value for at, value in both if value is not None}


def test_killed_and_started_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "anypool.toml").write_text(QUICK)
    settings = Settings(state_dir=str(state), listen_port=0)
    with child.manager(settings) as first:
        anypool = logged_in(first)
        added = anypool("host", "add", "sim://demo?hosts=3&vms=6&seed=1", "--name", "demo")
        assert added.code == 0, added.err
        until(lambda: len(values(anypool, -60)) > 4, "loads are kept")
        known = values(anypool, -60)
        stored = until(lambda: anypool.rows("inventories"), "an inventory is stored")
        written = max(known) - 1
        first.kill()
    with child.manager(settings) as second:
        again = Served(second, anypool.environment["ANYPOOL_TOKEN"])
        since = min(known)
        kept = until(lambda: values(again, since, written), "what was written is there")
        assert kept == {at: value for at, value in known.items() if at < written}
        ids = {row["id"] for row in again.rows("inventories")}
        assert {row["id"] for row in stored} <= ids
        shown = again("inventory", "show", str(stored[0]["id"]))
        assert (shown.code, "h1" in shown.out) == (0, True), shown.err
        until(lambda: values(again, max(known) + 2), "and it goes on")
        line = again("vm", "history", "vm1", "--since", "1m", "--metric", "cpu_percent")
        assert "·" in line.out.splitlines()[-1], "the time without a manager is a gap"
