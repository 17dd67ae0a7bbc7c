"""`anypool quickstart`: a manager with a pool to try it on, until Ctrl-C."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from anypool import lab as labs
from anypool.cli import contexts, showcase
from anypool.cli.child import Manager, manager
from anypool.cli.client import Client
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.endings import ended_by_signals
from anypool.cli.login import by_code, split_link
from anypool.cli.serve import Listen, State, open_socket, settings_of
from anypool.cli.terminal import note, out
from anypool.errors import AnypoolError, Unreachable
from anypool.settings import Settings

CONTEXT = "quickstart"


@Parameter(name="*", group="The pool")
@dataclass(frozen=True, kw_only=True)
class Pool:
    """How big it is, and of what."""

    hosts: Annotated[int, Parameter(help="hosts")] = 3
    vms: Annotated[int, Parameter(help="VMs")] = 6
    simulated: Annotated[bool, Parameter(help="simulated hosts, even where real ones work")] = False
    name: Annotated[str, Parameter(help="name of the lab")] = "quickstart"


USUAL = Pool()
"""What holds when no option says otherwise."""


def quickstart(*, pool: Pool = USUAL, listen: Listen = "", state: State = None) -> int:
    """Start a manager with real hypervisors where this machine allows, simulated ones elsewhere.

    Prints its address, a one-time login link, and what to try. Ctrl-C ends everything and
    leaves the state folder only.
    """
    chosen = _free_port(settings_of(state, listen), given=bool(listen))
    with suppress(KeyboardInterrupt), ended_by_signals("ending everything"):
        refused = "asked for" if pool.simulated else _why_not()
        if refused:
            note(f"simulated hosts: {refused}")
            return _simulated(pool, chosen)
        return _real(pool, chosen)
    note("everything is down; the state folder stays: " + chosen.state_dir)
    return 0


def _real(pool: Pool, chosen: Settings) -> int:
    spec = labs.LabSpec(name=pool.name, hosts=pool.hosts, spares=1)
    try:
        status = labs.up(spec, note)
        with manager(chosen, labs.enter_command(pool.name)) as running:
            with _client(running) as client:
                showcase.fill_from_lab(client, status, pool.vms)
                _print_what_to_try(running, client)
            return running.wait()
    finally:
        labs.down(pool.name, None, note)


def _simulated(pool: Pool, chosen: Settings) -> int:
    with manager(chosen) as running:
        with _client(running) as client:
            world = Path(chosen.state_dir) / "simulated.world"
            showcase.fill_simulated(client, pool.hosts, pool.vms, world)
            _print_what_to_try(running, client)
        return running.wait()


def _why_not() -> str:
    """Return why no lab can be had here, "" if one can."""
    note("looking whether real hypervisors can run here")
    found = labs.probe()
    if found.mode == "none":
        return found.reason
    if found.missing:
        names = " ".join(package.package for package in found.missing)
        return f"not installed: {names}"
    return ""


def _free_port(chosen: Settings, *, given: bool) -> Settings:
    """Return settings with a port that can be had: any free one if the usual one is taken."""
    try:
        open_socket(chosen).close()
    except Unreachable:
        if given:
            raise
        note(f"port {chosen.listen_port} is taken, using another one")
        return replace(chosen, listen_port=0)
    return chosen


@contextmanager
def _client(running: Manager) -> Iterator[Client]:
    """Yield a client logged in as administrator; its context becomes the current one."""
    file = contexts.path()
    known = contexts.load(file)
    context = known.contexts.get(CONTEXT)
    if context is None or context.url != running.url or not _valid(context):
        _, code = split_link(_link(running))
        context = by_code(Context(url=running.url), code)
    contexts.save(file, contexts.load(file).with_context(CONTEXT, context))
    with open_http(context) as http:
        yield Client(http)


def _valid(context: Context) -> bool:
    with open_http(context) as http:
        try:
            Client(http).get("/me")
        except AnypoolError:
            return False
    return True


def _link(running: Manager) -> str:
    from anypool import app

    return app.login_link(running.settings, "admin")


def _print_what_to_try(running: Manager, client: Client) -> None:
    hosts = sorted(host["name"] for host in client.items("/hosts"))
    vms = sorted(vm["name"] for vm in client.items("/vms", most=1000))
    first, vm = hosts[0] if hosts else "HOST", vms[0] if vms else "VM"
    me = _own_name()
    lines = [
        "",
        f"The manager listens on {running.url} (its log: {running.log})",
        f"Log in, once: {_link(running)}",
        "",
        "In another terminal:",
        f"  {me} host list",
        f"  {me} vm list --filter 'state = running order by memory desc'",
        f"  {me} vm migrate {vm} --watch",
        f"  {me} host evacuate {first} --dry-run",
        f"  {me} host evacuate {first} --watch",
        f"  {me} host leave {first}",
        "",
        "Ctrl-C here ends everything.",
    ]
    for line in lines:
        out().print(line, markup=False)


def _own_name() -> str:
    """Return how this program is called from a new terminal in the same folder."""
    here = Path(sys.executable).with_name("anypool")
    if shutil.which("anypool") or not here.exists():
        return "anypool"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)
