"""`anypool demo`: a simulated pool with failures to play, from nothing, leaving nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from msgspec.structs import replace

from anypool.cli import contexts, showcase, trial
from anypool.cli.child import manager
from anypool.cli.client import Client
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.endings import ended_by_signals
from anypool.cli.output import Column, show_list
from anypool.cli.serve import Listen, settings_of
from anypool.cli.terminal import note, out
from anypool.errors import Invalid
from anypool.settings import Settings

app = App(name="demo", help="A simulated pool with failures to play; nothing in it is real.")

CONTEXT = "demo"
MOST_HOSTS, MOST_VMS = 500, 10_000
BANNER = "Everything in this pool is SIMULATED: hosts, VMs, loads and failures."
_SCENES = (
    Column("SCENE", lambda scene: scene["name"]),
    Column("NAME A", lambda scene: scene["target"]),
    Column("WHAT HAPPENS", lambda scene: scene["about"]),
)


@app.default
def demo(
    *,
    hosts: Annotated[int, Parameter(help="hosts")] = 40,
    vms: Annotated[int, Parameter(help="VMs")] = 400,
    listen: Listen = "",
    state: Annotated[
        Path | None, Parameter(help="folder to keep the pool in; without it, it is deleted")
    ] = None,
) -> int:
    """Start a manager with a simulated pool, and say what to try.

    Needs no root, no hypervisor and no vendor's library. Ctrl-C ends everything and leaves
    nothing behind.
    """
    with suppress(KeyboardInterrupt), ended_by_signals("ending the demo"), _folder(state) as place:
        chosen = simulated(settings_of(place, listen), hosts, vms)
        return run(trial.free_port(chosen, given=bool(listen)), CONTEXT)
    note("everything is down" + (f"; the pool stays in {state}" if state else ", nothing is left"))
    return 0


@app.command
def play(scene: str = "", target: str = "", /, *, where: Where = HERE) -> None:
    """Let something fail: `play host-down h07`; `play heal` undoes it. Without a name, list all."""
    with connected(where) as client:
        if scene:
            out().print(client.ask("/demo/play", {"scene": scene, "target": target})["happened"])
            return
        seen = client.get("/demo")
        show_list(seen["scenes"], _SCENES, where.output)
        if where.output in ("table", "wide"):
            note("now: " + ("; ".join(seen["now"]) or "all is well"))
            note(f"VMs that ran twice: {seen['ran_twice']}, VMs lost: {seen['lost']}")


def simulated(chosen: Settings, hosts: int, vms: int) -> Settings:
    """Return settings of a manager with a simulated pool, which notices failures quickly.

    Raises `Invalid` for a pool of no size, or one that is too large to play with.
    """
    if not (1 <= hosts <= MOST_HOSTS and 1 <= vms <= MOST_VMS):
        hint = f"1 to {MOST_HOSTS} hosts, 1 to {MOST_VMS} VMs"
        raise Invalid(f"a simulated pool of {hosts} hosts and {vms} VMs cannot be made", hint=hint)
    return replace(
        chosen,
        database="",
        demo=True,
        demo_hosts=hosts,
        demo_vms=vms,
        changes_wait_s=3.0,
        unreachable_retry_max_s=5.0,
    )


def run(chosen: Settings, context: str) -> int:
    """Run a manager with a simulated pool until it ends; `context` is there meanwhile only."""
    file = contexts.path()
    before = contexts.load(file).current
    with manager(chosen) as running:
        try:
            with trial.logged_in(running, context) as client:
                showcase.await_hosts(client)
                trial.tell(running, _to_try(client), BANNER)
            return running.wait()
        finally:
            contexts.forget(file, context, running.url, before)


def _to_try(client: Client) -> tuple[str, ...]:
    hosts = sorted(host["name"] for host in client.items("/hosts"))
    first, other = hosts[0], hosts[len(hosts) // 6]
    vm = next(client.items("/vms", query="name = *web-* and state = running", most=1), {})
    return (
        "host list --filter 'tag = rack:a'",
        "vm list --filter 'tag = prod and state = running order by memory desc' --limit 10",
        f"vm migrate {vm.get('name', 'VM')} --watch",
        f"host evacuate {first} --dry-run",
        f"host evacuate {first} --watch",
        f"host leave {first}",
        "demo play                        # what can fail",
        f"demo play host-freeze {other}        # unknown within half a minute, never guessed",
        "demo play lost-answer            # then migrate a VM: it still runs once",
        "demo play heal",
    )


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="anypool-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
