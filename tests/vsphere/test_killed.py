"""A manager that is killed while a vCenter works for it goes on with the same tasks."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace
from pyVmomi import vim

from anypool import app
from anypool.cli.child import Manager, manager
from anypool.cli.client import Client, Json
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.lab import vcsim
from anypool.settings import Settings
from tests.vsphere.conftest import beside, found

T = TypeVar("T")
SLOW_S = 2.0
ENDED = frozenset({"done", "failed", "cancelled", "needs-human"})
MOVES = frozenset({"VirtualMachine.migrate", "VirtualMachine.relocateVm"})


class Stack:
    """A manager process that can be killed, on a vCenter that outlives it."""

    def __init__(self, running: vcsim.Vcsim, folder: Path) -> None:
        self.vcenter = running
        self.settings = Settings(state_dir=str(folder), listen_port=0, lease_s=2.0, workers=1)
        self.content = beside(running)
        self._running = ExitStack()
        self._context = Context(url="")
        self.manager: Manager
        self.client: Client

    def start(self) -> None:
        self._running = ExitStack()
        folder = Path(self.settings.state_dir)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "anypool.toml").write_text("lease_s = 2.0\nworkers = 1\nmoves_per_host = 2\n")
        self.manager = self._running.enter_context(manager(self.settings))
        if not self._context.token:
            _, code = split_link(app.login_link(self.manager.settings))
            self._context = by_code(Context(url=self.manager.url), code)
        http = self._running.enter_context(open_http(replace(self._context, url=self.manager.url)))
        self.client = Client(http)

    def crash(self) -> None:
        """Kill it, with everything it knows and did not write."""
        self.manager.kill()
        self._running.close()

    def add(self) -> None:
        self.client.post(
            "/endpoints",
            {
                "uri": self.vcenter.uri,
                "name": "vc",
                "password": self.vcenter.password,
                "options": {"fingerprint": self.vcenter.fingerprint},
                "observe_only": False,
            },
        )

    def operation(self, name: str) -> Json:
        return self.client.get(f"/operations/{name}")

    def end(self, name: str) -> Json:
        return until(lambda: self._ended(name), f"{name} ends", 90.0)

    def _ended(self, name: str) -> Json | None:
        seen = self.operation(name)
        return seen if seen["state"] in ENDED else None

    # What the vCenter says

    def where(self) -> dict[str, str]:
        """The host of each VM that runs."""
        return {
            vm.name: vm.runtime.host.name
            for vm in found(self.content, vim.VirtualMachine)
            if vm.runtime.powerState == "poweredOn"
        }

    def sent(self) -> Counter[str]:
        """How often each VM was asked to move, since the vCenter began."""
        infos = [task.info for task in self.content.taskManager.recentTask]
        names = {vm._moId: vm.name for vm in found(self.content, vim.VirtualMachine)}
        moves = (one for one in infos if str(one.descriptionId) in MOVES)
        return Counter(names[one.entity._moId] for one in moves)

    def moving(self) -> int:
        """How many moves are under way."""
        infos = [task.info for task in self.content.taskManager.recentTask]
        return sum(1 for one in infos if one.descriptionId in MOVES and one.state == "running")

    def close(self) -> None:
        self._running.close()
        self.content.sessionManager.Logout()
        self.content.rootFolder._stub.DropConnections()


def until(look: Callable[[], T | None], what: str, limit_s: float = 30.0) -> T:
    """Poll, the less often the longer it takes: each look asks a vCenter for every task."""
    began = time.monotonic()
    while not (seen := look()):
        passed_s = time.monotonic() - began
        assert passed_s < limit_s, f"never happened: {what}"
        time.sleep(min(max(passed_s / 20, 0.05), 0.2))
    return seen


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    slow = (("migrate", SLOW_S), ("enterMaintenanceMode", SLOW_S))
    running = vcsim.start(vcsim.VcsimSpec(clusters=1, hosts=3, vms=6, slow=slow))
    made = Stack(running, tmp_path / "manager")
    made.start()
    try:
        yield made
    finally:
        made.close()
        running.stop()


def begin(stack: Stack) -> tuple[str, str, dict[str, str]]:
    """Begin to empty the host with the most VMs; return it, the operation, and who was where."""
    stack.add()
    before = stack.where()
    busiest = max(sorted(set(before.values())), key=Counter(before.values()).__getitem__)
    answer = stack.client.post(f"/hosts/{busiest}/evacuate")
    return busiest, str(answer["operation"]["id"]), before


def check(stack: Stack, busiest: str, operation: str, before: dict[str, str]) -> None:
    """Every VM of the host moved, once, and runs; the host is in maintenance mode."""
    ended = stack.end(operation)
    assert ended["state"] == "done", [(s["state"], s["message"]) for s in ended["steps"]]
    after = stack.where()
    assert after.keys() == before.keys(), "a VM was lost"
    assert busiest not in after.values()
    leaving = {name for name, host in before.items() if host == busiest}
    assert stack.sent() == dict.fromkeys(leaving, 1), "each was asked once"
    assert {n: h for n, h in after.items() if n not in leaving} == {
        n: h for n, h in before.items() if n not in leaving
    }
    (host,) = [one for one in found(stack.content, vim.HostSystem) if one.name == busiest]
    assert host.runtime.inMaintenanceMode
    assert stack.client.get(f"/hosts/{busiest}")["maintenance"]


def test_an_evacuation_goes_on_with_the_tasks_that_were_begun(stack: Stack) -> None:
    busiest, operation, before = begin(stack)

    def told() -> bool:
        steps: list[Any] = stack.operation(operation)["steps"]
        return any("task-" in str(step["message"]) for step in steps)

    until(told, "a task is in the journal")
    assert stack.moving() > 0
    stack.crash()
    stack.start()
    check(stack, busiest, operation, before)


def test_a_task_whose_handle_was_never_written_is_found(stack: Stack) -> None:
    """It is killed as soon as the vCenter moves something, whatever it has written by then."""
    busiest, operation, before = begin(stack)
    until(lambda: stack.moving() > 0, "something moves", 20.0)
    stack.crash()
    stack.start()
    check(stack, busiest, operation, before)


def test_killed_again_and_again_until_it_is_done(stack: Stack) -> None:
    busiest, operation, before = begin(stack)
    for _ in range(2):
        time.sleep(SLOW_S / 2)  # wherever that is
        stack.crash()
        stack.start()
    check(stack, busiest, operation, before)
