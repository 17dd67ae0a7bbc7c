"""A real host is emptied, switched off through its BMC, woken, and carries VMs again."""

from collections.abc import Iterator

import pytest

from anypool.cli.client import Json
from tests.lab.conftest import wait_until
from tests.lab.full_stack import Stack, all_connected, heal
from tests.lab.oracle import Oracle

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

NAME, AFTER = "sleeper", "placed"


@pytest.fixture
def empty(stack: Stack) -> Iterator[Stack]:
    """All hosts up and open, without a VM."""
    heal(stack.lab)
    if not stack.is_up:
        stack.start()
    wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
    for name in list(stack.vms):
        stack.forget(name)
    yield stack
    stack.forget(NAME)
    stack.forget(AFTER)
    stack.lab.repair()


def save(stack: Stack, **how: object) -> Json:
    """Close or wake one host, and see it done."""
    begun = stack.client.post("/pools/default/save-power", low_percent=74, **how)
    ended = stack.end(str(begun["operation"]["id"]))
    assert ended["state"] == "done", [ended["message"], *ended["steps"]]
    return ended


def bmc_says(stack: Stack, server: str) -> str:
    """Ask a server's BMC past the manager."""
    lab, status = stack.lab, stack.lab.server(server)
    url = f"{status.bmc_url}Systems/{status.uuid}"
    return str(lab.http("GET", url).json()["PowerState"])


def test_a_host_is_closed_to_save_power_and_woken_by_a_manager_that_was_killed(
    empty: Stack,
) -> None:
    stack, lab = empty, empty.lab
    shown = stack.client.get("/hosts/h3")
    assert "host-power" in shown["capabilities"]
    assert shown["bmc"]["power"] == "on"
    assert shown["bmc"]["identified"]
    stack.do("/hosts/h3/prove-wake")
    assert stack.client.get("/hosts/h3")["wake_proven_at"] > 0
    with Oracle(stack.consoles) as oracle:
        stack.make(NAME, "h3")
        stack.wait_for_ticks(oracle, (NAME,), more=1)
        save(stack)
        closed = stack.client.get("/hosts/h3")
        assert (closed["state"], closed["power_saved"]) == ("off", True)
        assert bmc_says(stack, "h3") == "Off"
        assert lab.server("h3").pids == ()
        assert stack.place(NAME) in ("h1", "h2")
        stack.wait_for_ticks(oracle, (NAME,), more=2)
        assert not oracle.twice(stack.vms[NAME])

        begun = stack.client.post("/pools/default/save-power", up="mon-sun 00:00-23:59")
        run = str(begun["operation"]["id"])
        wait_until(lambda: lab.server("h3").pids, "its BMC is told to switch it on")
        stack.crash()
        stack.start()
        assert stack.end(run)["state"] == "done"
        woken = stack.client.get("/hosts/h3")
        assert (woken["state"], woken["power_saved"], woken["maintenance"]) == ("up", False, False)
        stack.make(AFTER, "h3")
        assert stack.place(AFTER) == "h3"
        stack.wait_for_ticks(oracle, (NAME,), more=1)
        assert not oracle.twice(stack.vms[NAME])
        assert oracle.console(stack.vms[NAME]).boots == 1
