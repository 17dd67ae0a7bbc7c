"""The whole product on a lab: a manager process, its API, guests under load, and the oracle.

Every scenario has two guests that meet the same fault at the same moment: `locked`, whose disk
carries QEMU's image lock on a datastore where locks work, and `unlocked`, whose disk is
`<shareable/>`, so that nothing but the manager keeps a second copy from running.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from anypool import app
from anypool import lab as labs
from anypool.cli.child import Manager, manager
from anypool.cli.client import Client, Json
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.cli.showcase import fill_from_lab
from anypool.errors import AnypoolError, NotFound
from anypool.settings import Settings
from tests.lab.conftest import RunningLab, wait_until
from tests.lab.oracle import Oracle

T = TypeVar("T")
LOCKED, UNLOCKED = "locked", "unlocked"
BOTH = (LOCKED, UNLOCKED)
LIBVIRT_PORT = 16509
LEASE_S = 4.0
BANDWIDTH_MIB_S = 12
"""Slow enough to hit the middle of a transfer, which takes some 5 s then."""
PAUSE_MS = 300
"""Long enough for a transfer to end after its first pass."""
RETRY_S = 4.0
AWAY_S = 10.0
"""Less patience than usual, for tests that wait until a server is missed or is back."""
ENDS_S = 150.0
"""More than libvirt's keepalive (30 s) and the manager's own patience (45 s) together."""
ENDED = frozenset({"done", "failed", "cancelled", "needs-human"})
_LOAD = "tick=0.2 dirty=2"


class Stack:
    """A lab with a manager, from outside."""

    def __init__(self, lab: RunningLab, folder: Path) -> None:
        self.lab = lab
        self.settings = Settings(state_dir=str(folder / "manager"), listen_port=0)
        self.consoles = Path(lab.status().console_dir)
        self.vms: dict[str, str] = {}
        self._running = ExitStack()
        self._context = Context(url="")
        self.is_up = False
        self.written: dict[str, Any] = {}
        self.manager: Manager
        self.client: Client

    def start(self) -> None:
        """Start the manager, or start it again on the same state folder."""
        write_settings(self.settings, **self.written)
        self.manager, self.client = self._running.enter_context(self.another(self.settings))
        self.settings = self.manager.settings
        self.is_up = True

    def stop(self) -> None:
        """End the manager."""
        self.is_up = False
        self._running.close()

    @contextmanager
    def another(self, settings: Settings) -> Iterator[tuple[Manager, Client]]:
        """Run a manager in the lab's network and log in to it."""
        inside = labs.enter_command(self.lab.name, self.lab.state_dir)
        with manager(settings, inside) as running:
            if not self._context.token:
                _, code = split_link(app.login_link(running.settings))
                self._context = by_code(Context(url=running.url), code)
            with open_http(replace(self._context, url=running.url)) as http:
                client = Client(http)
                yield running, client

    def fill(self) -> None:
        """Add the hosts and the image, and say that locks work on the datastore."""
        fill_from_lab(self.client, self.lab.status(), 0)

    def crash(self) -> None:
        """Kill the manager."""
        self.manager.kill()
        self.stop()

    # What the API says

    def vm(self, name: str) -> Json:
        return self.client.get(f"/vms/{self.vms[name]}")

    def operation(self, operation: str) -> Json:
        return self.client.get(f"/operations/{operation}")

    def migrate(self, target: str, names: Iterable[str] = BOTH) -> list[str]:
        """Begin to migrate VMs; return the operations."""
        return [
            str(self.post(f"/vms/{self.vms[name]}/migrate", {"host": target})) for name in names
        ]

    def post(self, path: str, body: Json | None = None) -> str:
        """Ask for a deed; return the operation."""
        return str(self.client.post(path, body)["operation"]["id"])

    def wait_for_flow(self, operations: Iterable[str]) -> None:
        """Wait until the first step of each operation has sent part of a VM's memory."""
        most: dict[str, int] = {}

        def flows(operation: str) -> bool:
            seen = self.operation(operation)
            assert seen["state"] not in ENDED, seen
            left = [step["progress"]["bytes_left"] for step in seen["steps"] if step["progress"]]
            return bool(left) and int(left[0]) < most.setdefault(operation, int(left[0]))

        for operation in operations:
            wait_until(partial(flows, operation), "memory flows", timeout_s=60)

    def ended(self, operation: str) -> Json | None:
        """The operation, if it ended or needs somebody."""
        try:
            seen = self.operation(operation)
        except AnypoolError:
            return None
        return seen if seen["state"] in ENDED else None

    def end(self, operation: str) -> Json:
        """Wait until an operation ended, and return it."""
        return wait_until(lambda: self.ended(operation), f"{operation} ends", timeout_s=ENDS_S)

    def do(self, path: str, body: Json | None = None) -> None:
        """Ask for a deed and see it done."""
        ended = self.end(self.post(path, body))
        assert ended["state"] == "done", [ended["message"], *ended["steps"]]

    # What the machines say

    def place(self, name: str) -> str:
        """The one server that has an emulator of a VM; empty if none or several have."""
        found = self.lab.running(self.vms[name])
        return found[0] if len(found) == 1 else ""

    def emulator(self, name: str, server: str) -> int:
        found = [p.pid for p in self.lab.processes(server) if p.vm_uuid == self.vms[name]]
        assert len(found) == 1, f"{name} on {server}: {found}"
        return found[0]

    def daemon(self, server: str) -> int:
        """The process of a server's libvirtd."""
        for pid in self.lab.server(server).pids:
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"libvirtd"):
                return pid
        raise AssertionError(f"no libvirtd on {server}")

    def definitions(self, name: str) -> list[str]:
        """The servers whose libvirt knows a VM, running or not."""
        hosts = [server.name for server in self.lab.status().servers if server.role == "host"]
        uuid = self.vms[name]
        return [h for h in hosts if uuid in self.lab.virsh(h, "list", "--all", "--uuid").out]

    # Guests

    def make(self, name: str, host: str, *, shareable: bool = False) -> None:
        """Make a guest under load and wait until it ticks."""
        image = self.lab.status().image
        assert image is not None
        cmdline = f"{image.cmdline} {_LOAD}"
        self.do(
            "/vms",
            {
                "name": name, "image": "lab-guest", "host": host,
                "shareable": shareable, "cmdline": cmdline,
            },
        )  # fmt: skip
        self.vms[name] = str(self.client.get(f"/vms/{name}")["id"])

    def wait_for_ticks(self, oracle: Oracle, names: Iterable[str] = BOTH, more: int = 3) -> None:
        """Wait until guests tick on, from now."""
        for name in names:
            uuid = self.vms[name]
            goal = len(oracle.console(uuid).ticks) + more
            ticks = partial(_ticks, oracle, uuid, goal)
            wait_until(ticks, f"{name} ticks {goal} times", timeout_s=150)

    def forget(self, name: str) -> None:
        """End a guest on every server and forget it."""
        uuid = self.vms.pop(name, "")
        for server in self.lab.status().servers:
            if uuid and server.role == "host":
                self.lab.virsh(server.name, "destroy", uuid)
                self.lab.virsh(server.name, "undefine", uuid)

    def names_known(self) -> set[str]:
        return {vm["name"] for vm in self.client.items("/vms")}

    def close(self) -> None:
        for name in list(self.vms):
            self.forget(name)
        self.stop()
        self.lab.repair()


class Scenario:
    """One test: two guests on one host, a fault, and a verdict at the end."""

    def __init__(self, stack: Stack, oracle: Oracle, source: str) -> None:
        self.stack = stack
        self.lab = stack.lab
        self.oracle = oracle
        self.source = source
        self.target = next(s for s in ("h2", "h1") if s != source)
        self.third = "h3"
        self._booted = {name: self._boots(name) for name in BOTH}

    def _boots(self, name: str) -> int:
        """Return how often a guest booted, when it did."""
        uuid = self.stack.vms[name]
        return wait_until(lambda: self.oracle.console(uuid).boots, f"{name} boots", timeout_s=150)

    def begin(self, target: str = "") -> list[str]:
        """Migrate both guests and return the operations once memory flows for both."""
        operations = self.stack.migrate(target or self.target)
        self.stack.wait_for_flow(operations)
        return operations

    def wait(self, look: Callable[[], T | None], what: str, *, timeout_s: float = 90.0) -> T:
        """Poll `look` until it gives something true; meanwhile no guest may run twice."""

        def watched() -> T | None:
            self.never_twice()
            return look()

        return wait_until(watched, what, timeout_s=timeout_s)

    def end(self, operation: str) -> Json:
        """Wait until an operation ended, and return it."""
        return self.wait(lambda: self.stack.ended(operation), "it ends", timeout_s=ENDS_S)

    def runs(self, name: str, pid: int) -> bool:
        """Whether this process executes a guest now."""
        return pid in self.oracle.executing(self.stack.vms[name])

    def standing_still(self) -> bool:
        """Whether the sources of both guests wait for the end of their migration."""
        return not any(self.runs(name, self.stack.emulator(name, self.source)) for name in BOTH)

    def once(self, names: Iterable[str] = BOTH, *, boots: int = 1) -> None:
        """Check that guests run on, each once, and never ran twice; nothing is left over.

        `boots` is 1 for a guest that did not boot again since the beginning.
        """
        stack, oracle = self.stack, self.oracle
        for name in names:
            uuid = stack.vms[name]
            self.wait(partial(stack.place, name), f"{name} is in one place")
            stack.wait_for_ticks(oracle, (name,))
            assert oracle.executing(uuid) == oracle.copies(uuid), name
            assert len(oracle.copies(uuid)) == 1, name
            assert stack.definitions(name) == [stack.place(name)], name
            again = self._boots(name) - self._booted.get(name, 1)
            assert again == boots - 1, f"{name} booted {again} times"
            self.wait(partial(self._shown, name), f"{name} is shown as it is")
        self.never_twice(names)
        assert oracle.samples > 5

    def never_twice(self, names: Iterable[str] = BOTH) -> None:
        """Check both witnesses."""
        for name in names:
            uuid = self.stack.vms[name]
            assert not self.oracle.twice(uuid), f"{name} ran twice: {self.oracle.twice(uuid)}"
            assert not self.oracle.console(uuid).forks(), f"{name} was counted on by two copies"

    def ended(self, operations: Iterable[str], *, where: str = "") -> list[str]:
        """Wait for operations; check that a done one left its guest on `where`."""
        states = []
        for operation, name in zip(operations, BOTH, strict=True):
            seen = self.end(operation)
            print(name, seen["state"], [step["message"] for step in seen["steps"]])
            states.append(str(seen["state"]))
            if where and seen["state"] == "done":
                assert self.stack.place(name) == where, (name, seen)
        return states

    def _shown(self, name: str) -> bool:
        seen = self.stack.vm(name)
        return bool(seen["state"] == "running" and seen["host_name"] == self.stack.place(name))


def write_settings(settings: Settings, **more: Any) -> None:
    """Write the settings that the tests need into a manager's state folder."""
    folder = Path(settings.state_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    chosen = {
        "migration_bandwidth_mib_s": BANDWIDTH_MIB_S,
        "migration_pause_ms": PAUSE_MS,
        "lease_s": LEASE_S,
        "moves_per_host": 4,
        "unreachable_retry_max_s": RETRY_S,
        "host_away_s": AWAY_S,
        **more,
    }
    lines = (f"{name} = {json.dumps(value)}" for name, value in chosen.items())
    (folder / "anypool.toml").write_text("\n".join(lines))


@pytest.fixture(scope="session")
def stack(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The session's lab with a manager that has the image and the hosts."""
    made = Stack(lab, tmp_path_factory.mktemp("stack"))
    made.start()
    try:
        made.fill()
        yield made
    finally:
        made.close()


@pytest.fixture
def scenario(stack: Stack) -> Iterator[Scenario]:
    """Two healthy guests on one host, watched from the beginning to the end of the test."""
    source = prepare(stack)
    with Oracle(stack.consoles) as oracle:
        stack.wait_for_ticks(oracle, more=2)
        began = time.monotonic()
        yield Scenario(stack, oracle, source)
    print(f"{oracle.samples} samples in {time.monotonic() - began:.1f} s")


def prepare(stack: Stack) -> str:
    """Bring lab, manager and guests into order after whatever was before; return their host."""
    heal(stack.lab)
    if not stack.is_up:
        stack.start()
    hosts = ("h1", "h2", "h3")
    wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
    call_back(stack)
    for name in BOTH:
        healthy = name in stack.vms and stack.place(name) in hosts[:2]
        if not healthy:
            stack.forget(name)
    for host in stack.client.items("/hosts"):
        if host["maintenance"]:
            stack.do(f"/hosts/{host['name']}/leave-maintenance")
    places = [stack.place(name) for name in stack.vms if name in BOTH]
    source = places[0] if places else "h1"
    for name in BOTH:
        if name not in stack.vms:
            unknown = partial(_is_unknown, stack, name)
            wait_until(unknown, f"{name} is forgotten", timeout_s=90)
            stack.make(name, source, shareable=name == UNLOCKED)
        elif stack.place(name) != source:
            stack.do(f"/vms/{stack.vms[name]}/migrate", {"host": source})
    return source


def call_back(stack: Stack) -> None:
    """Cancel what a test that failed has left under way; its VMs are not forgotten before."""
    for operation in stack.client.items("/operations"):
        if operation["state"] not in ENDED - {"needs-human"}:
            stack.client.post(f"/operations/{operation['id']}/cancel")


def heal(lab: RunningLab) -> None:
    """Thaw every server and undo every cut; stopped daemons go on."""
    for server in lab.status().servers:
        if server.power == "on":
            lab.thaw(server.name)
            lab.heal(server.name)


def all_connected(stack: Stack) -> bool:
    try:
        return all(one["state"] == "connected" for one in stack.client.items("/endpoints"))
    except (AnypoolError, NotFound):
        return False


def _ticks(oracle: Oracle, uuid: str, goal: int) -> bool:
    return len(oracle.console(uuid).ticks) >= goal


def _is_unknown(stack: Stack, name: str) -> bool:
    return name not in stack.names_known()
