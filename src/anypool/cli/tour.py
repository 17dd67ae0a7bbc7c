"""`anypool tour`: the main job on a lab of real hypervisors, and a check that it was done.

Every claim printed here is looked up where it can be seen from outside: the ticks on the
guests' consoles and the emulators in the servers' process tables, not the manager's word.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from anypool import lab as labs
from anypool.cli import showcase
from anypool.cli.child import Manager, manager
from anypool.cli.client import Client, Json
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.follow import FINAL, follow
from anypool.cli.login import by_code, split_link
from anypool.cli.preview import show_plan
from anypool.cli.terminal import note
from anypool.errors import AnypoolError, NotSupported
from anypool.settings import Settings

HOSTS, VMS = 3, 6
_LOOK_S = 0.05
_LONG_S = 120.0
_TICK = re.compile(r"^tick (\d+)", re.MULTILINE)
_BOOT = re.compile(r"^guest ready", re.MULTILINE)


def tour(*, name: Annotated[str, Parameter(help="name of the lab")] = "tour") -> int:
    """Show in two minutes what the product does, on real hypervisors; fail if any of it is not so.

    Three hosts, six VMs, a live migration, an evacuation previewed and then done, another one
    during which the manager is killed; at the end every guest must have run on.
    """
    found = labs.probe()
    if not found.possible:
        missing = " ".join(package.package for package in found.missing)
        raise NotSupported(f"no lab here: {found.reason or missing}", hint="`anypool doctor`")
    begin = time.monotonic()
    with TemporaryDirectory(prefix="anypool-tour-") as folder, ExitStack() as ending:
        _say("Three servers with a real libvirt and QEMU each, in namespaces of this machine")
        ending.callback(labs.down, name, None, note)
        status = labs.up(labs.LabSpec(name=name, hosts=HOSTS, spares=0), note)
        complaints = _Tour(status, Settings(state_dir=folder, listen_port=0)).run()
    for complaint in complaints:
        note(f"NOT SO: {complaint}")
    verdict = "everything above was so" if not complaints else f"{len(complaints)} claims failed"
    _say(f"{verdict} ({time.monotonic() - begin:.0f} s)")
    return 1 if complaints else 0


class _Tour:
    """The stops of the tour; `complaints` collects what was not as promised."""

    def __init__(self, status: labs.LabStatus, settings: Settings) -> None:
        self._status = status
        self._settings = settings
        self._context: Context | None = None
        self._vms: dict[str, str] = {}
        self._complaints: list[str] = []

    def run(self) -> list[str]:
        """Make every stop and return the complaints."""
        with self._manager() as (running, client):
            showcase.fill_from_lab(client, self._status, VMS)
            self._vms = {vm["name"]: vm["id"] for vm in client.items("/vms")}
            self._wait(lambda: all(self._ticks(vm) > 3 for vm in self._vms), "all guests tick")
            self._migrate(client)
            self._evacuate(client)
            _say("The same for h2, but now the manager is killed with SIGKILL in the middle")
            operation = client.post("/hosts/h2/evacuate")["operation"]["id"]
            self._wait(lambda: self._under_way(client, operation), "a migration under way")
            running.kill()
        note("killed; a new manager starts on the same state folder")
        with self._manager() as (_, client):
            self._check(follow(client, operation) == 0, "the evacuation of h2 was resumed")
            self._check(not self._running_on("h2"), "no VM runs on h2")
            self._check_guests()
        return self._complaints

    def _migrate(self, client: Client) -> None:
        vm, source, target = "web-1", self._host_of("web-1"), self._other(self._host_of("web-1"))
        _say(f"Live migration of {vm} from {source} to {target}; its guest ticks once a second")
        before = self._ticks(vm)
        operation = client.post(f"/vms/{vm}/migrate", {"host": target})["operation"]["id"]
        self._check(follow(client, operation) == 0, f"{vm} migrated")
        self._check(self._host_of(vm) == target, f"{vm} runs on {target}")
        self._wait(lambda: self._ticks(vm) > before + 2, f"{vm} ticks on")
        note(f"tick {before} before, tick {self._ticks(vm)} after, and it never booted again")

    def _evacuate(self, client: Client) -> None:
        _say("Emptying h1: first the plan, with its price and what was not chosen")
        plan = client.post("/hosts/h1/evacuate", dry_run="true")
        show_plan(client, plan, "table")
        _say("Now it is done")
        operation = client.post(f"/plans/{plan['id']}/run")["operation"]["id"]
        self._check(follow(client, operation) == 0, "h1 was evacuated")
        self._check(not self._running_on("h1"), "no VM runs on h1")
        leaving = client.post("/hosts/h1/leave-maintenance")["operation"]["id"]
        self._check(follow(client, leaving) == 0, "h1 is open again")

    def _check_guests(self) -> None:
        _say("Every guest ran on, as its console and the process tables say")
        for vm, key in sorted(self._vms.items()):
            text = self._console(vm)
            places = [server.name for server in self._status.servers if key in self._uuids(server)]
            boots, last = len(_BOOT.findall(text)), self._ticks(vm)
            note(f"{vm}: on {', '.join(places)}, booted {boots} time, at tick {last}")
            self._check(len(places) == 1, f"{vm} runs once")
            self._check(boots == 1, f"{vm} never restarted")
            self._check(_unbroken(text), f"no tick of {vm} is missing")
            self._wait(partial(self._ticked_since, vm, last), f"{vm} ticks on")

    @contextmanager
    def _manager(self) -> Iterator[tuple[Manager, Client]]:
        inside = labs.enter_command(self._status.name)
        with manager(self._settings, inside) as running:
            self._settings = running.settings
            if self._context is None:
                from anypool import app

                _, code = split_link(app.login_link(running.settings))
                self._context = by_code(Context(url=running.url), code)
            with open_http(self._context) as http:
                yield running, Client(http)

    def _under_way(self, client: Client, operation: str) -> bool:
        seen = client.get(f"/operations/{operation}")
        if seen["state"] in FINAL:
            raise AnypoolError("the evacuation ended before the manager could be killed")
        return any(_flows(step) for step in seen["steps"])

    def _host_of(self, vm: str) -> str:
        """Return where the process tables show a VM."""
        key = self._vms[vm]
        places = [server.name for server in self._status.servers if key in self._uuids(server)]
        return ", ".join(places)

    def _other(self, host: str) -> str:
        return next(server.name for server in self._status.servers if server.name != host)

    def _running_on(self, host: str) -> set[str]:
        (server,) = (server for server in self._status.servers if server.name == host)
        return self._uuids(server)

    def _uuids(self, server: labs.ServerStatus) -> set[str]:
        return {one.vm_uuid for one in labs.processes(self._status.name, server.name)}

    def _console(self, vm: str) -> str:
        log = Path(self._status.console_dir, f"{self._vms[vm]}.log")
        return log.read_text(errors="replace") if log.exists() else ""

    def _ticks(self, vm: str) -> int:
        found = _TICK.findall(self._console(vm))
        return int(found[-1]) if found else 0

    def _ticked_since(self, vm: str, tick: int) -> bool:
        return self._ticks(vm) > tick

    def _check(self, so: bool, claim: str) -> None:
        if not so:
            self._complaints.append(claim)

    def _wait(self, look: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _LONG_S
        while not look():
            if time.monotonic() > deadline:
                raise AnypoolError(f"not so after {_LONG_S:g} s: {what}")
            time.sleep(_LOOK_S)


def _flows(step: Json) -> bool:
    return step["action"]["type"] == "migrate-vm" and step.get("state") == "begun"


def _unbroken(console: str) -> bool:
    ticks = [int(tick) for tick in _TICK.findall(console)]
    return ticks == list(range(1, len(ticks) + 1))


def _say(text: str) -> None:
    note(f"\n== {text}")
