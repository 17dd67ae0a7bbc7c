"""`anypool quickstart`: a manager with a pool to try it on, until Ctrl-C."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from anypool import lab as labs
from anypool.cli import demo, showcase, trial
from anypool.cli.child import manager
from anypool.cli.client import Client
from anypool.cli.endings import ended_by_signals
from anypool.cli.serve import Listen, State, settings_of
from anypool.cli.terminal import note
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
    chosen = trial.free_port(settings_of(state, listen), given=bool(listen))
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
            with trial.logged_in(running, CONTEXT) as client:
                showcase.fill_from_lab(client, status, pool.vms)
                trial.tell(running, _to_try(client))
            return running.wait()
    finally:
        labs.down(pool.name, None, note)


def _simulated(pool: Pool, chosen: Settings) -> int:
    """Run a demo in a folder of its own: it would not take the state of real hosts."""
    folder = str(Path(chosen.state_dir) / "simulated")
    return demo.run(
        demo.simulated(replace(chosen, state_dir=folder), pool.hosts, pool.vms), CONTEXT
    )


def _to_try(client: Client) -> tuple[str, ...]:
    hosts = sorted(host["name"] for host in client.items("/hosts"))
    vms = sorted(vm["name"] for vm in client.items("/vms", most=1000))
    first, vm = hosts[0] if hosts else "HOST", vms[0] if vms else "VM"
    return (
        "host list",
        "vm list --filter 'state = running order by memory desc'",
        f"vm migrate {vm} --watch",
        f"host evacuate {first} --dry-run",
        f"host evacuate {first} --watch",
        f"host leave {first}",
    )


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
