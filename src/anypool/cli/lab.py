"""`anypool lab`: a datacenter of real hypervisors on this machine."""

import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from anypool import lab
from anypool.cli.connection import Format
from anypool.cli.endings import ended_by_signals
from anypool.cli.lab_vcsim import vcsim
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import note, out

app = App(name="lab", help="The lab: a datacenter of real hypervisors on this machine.")

app.command(vcsim)

Name = Annotated[str, Parameter(help="name of the lab")]
Folder = Annotated[Path | None, Parameter(name="--lab-state", help="folder of all labs")]
Output = Annotated[Format, Parameter(name=("--output", "-o"), help="how the result is shown")]

_SERVERS = (
    Column("NAME", lambda server: server["name"]),
    Column("ROLE", lambda server: server["role"]),
    Column("POWER", lambda server: "frozen" if server["frozen"] else server["power"]),
    Column("CUT", lambda server: server["partitions"]),
    Column("LIBVIRT", lambda server: server["libvirt_uri"]),
    Column("BMC", lambda server: server["bmc_url"]),
    Column("PROCESSES", lambda server: len(server["pids"]), wide=True),
    Column("LOGS", lambda server: server["log_dir"], wide=True),
)
_LAB = (
    Column("NAME", lambda found: found["name"]),
    Column("UP", lambda found: found["up"]),
    Column("MODE", lambda found: found["mode"]),
    Column("ACCELERATOR", lambda found: (found["accelerator"] or {}).get("reason")),
    Column("FOLDER", lambda found: found["directory"]),
    Column("LIMITS", lambda found: "; ".join(found["limits"])),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Make:
    """What a lab is made of."""

    hosts: Annotated[int, Parameter(help="servers that run VMs, switched on")] = 3
    spares: Annotated[int, Parameter(help="servers that wait, switched off")] = 1
    blades: Annotated[
        int, Parameter(help="machines of emulated hardware, switched off, with Redfish and IPMI")
    ] = 0
    blade_memory_mib: Annotated[int, Parameter(help="memory of each blade")] = 1024
    accelerator: Annotated[
        Literal["auto", "tcg", "kvm"], Parameter(help="auto boots a guest to find out")
    ] = "auto"
    wardens: Annotated[
        bool, Parameter(help="storage leases on each server, with a stand-in for a watchdog")
    ] = False


_MAKE = Make()


@app.command
def up(*, name: Name = "default", make: Make = _MAKE, lab_state: Folder = None) -> None:
    """Bring a lab up; no harm when it is up already."""
    spec = lab.LabSpec(
        name=name,
        hosts=make.hosts,
        spares=make.spares,
        blades=make.blades,
        blade_memory_mib=make.blade_memory_mib,
        accelerator=make.accelerator,
        wardens=make.wardens,
        state_dir=lab_state,
    )
    _show(lab.up(spec, note), "table")


@app.command
def status(*, name: Name = "default", lab_state: Folder = None, output: Output = "table") -> None:
    """Show a lab, its servers, and what it cannot do here."""
    _show(lab.status(name, lab_state), output)


@app.command
def down(
    *,
    name: Name = "default",
    keep: Annotated[bool, Parameter(help="keep its folder")] = False,
    lab_state: Folder = None,
) -> None:
    """End every process of a lab and remove its folder; no harm when there is none."""
    lab.down(name, lab_state, note, keep=keep)


@app.command
def kill(server: str, /, *, name: Name = "default", lab_state: Folder = None) -> None:
    """Let a server die: its links gone, its processes ended."""
    lab.kill(name, server, lab_state)
    note(f"{server} is dead")


@app.command
def boot(server: str, /, *, name: Name = "default", lab_state: Folder = None) -> None:
    """Switch a server on."""
    lab.boot(name, server, lab_state)
    note(f"{server} is on")


@app.command
def freeze(server: str, /, *, name: Name = "default", lab_state: Folder = None) -> None:
    """Stop every process of a server; its links stay up."""
    lab.freeze(name, server, lab_state)
    note(f"{server} stands still")


@app.command
def thaw(server: str, /, *, name: Name = "default", lab_state: Folder = None) -> None:
    """Let a frozen server go on."""
    lab.thaw(name, server, lab_state)
    note(f"{server} goes on")


@app.command
def partition(
    server: str,
    mode: Annotated[
        str,
        Parameter(help="full, mgmt, data, port:N, from:SERVER or from:SERVER:N"),
    ] = "full",
    /,
    *,
    name: Name = "default",
    lab_state: Folder = None,
) -> None:
    """Cut a server off, wholly or in part."""
    lab.partition(name, server, mode, lab_state)
    note(f"{server} is cut off ({mode})")


@app.command
def heal(server: str, /, *, name: Name = "default", lab_state: Folder = None) -> None:
    """Undo every cut of a server."""
    lab.heal(name, server, lab_state)
    note(f"{server} is connected")


@app.command
def mood(
    server: str,
    mood: lab.Mood,
    /,
    *,
    name: Name = "default",
    lab_state: Folder = None,
) -> None:
    """Let a server's controllers misbehave, or behave well again."""
    lab.set_mood(name, server, mood, lab_state)
    note(f"the controllers of {server}: {mood}")


@app.command
def netboot(*, name: Name = "default", lab_state: Folder = None) -> None:
    """Let blades start the lab's own system from the network, until this is ended.

    The system has a warden with the blade's hardware watchdog, and a shell on the console.
    """
    served = lab.serving_system(name, lab_state, note)
    with suppress(KeyboardInterrupt), ended_by_signals(), served as url:
        out().print(url)
        note("blades start it by PXE, or by HTTP from that address; Ctrl-C ends this")
        signal.pause()


@app.command
def boot_host(*, name: Name = "default", lab_state: Folder = None) -> None:
    """Run a boot host on the lab's network, with the parts of a tiny system, until this is ended.

    It is the product's own, as `anypool boot-service install` puts it on a machine.
    """
    served = lab.serving_with_image(name, lab_state, note)
    with suppress(KeyboardInterrupt), ended_by_signals(), served as folder:
        out().print(f"boot+unix://{folder}/control")
        note("take it with `anypool boot-service add`, and make an image:")
        parts = "--disk disk.raw --kernel kernel --initrd initrd"
        note(f"  anypool boot-service image add tiny {parts} --cmdline '{lab.CMDLINE}'")
        note("Ctrl-C ends it; what boots from it has no disk then")
        signal.pause()


def _show(found: lab.LabStatus, form: Format) -> None:
    data: dict[str, Any] = msgspec.to_builtins(found)
    show_one(data, _LAB, form)
    if form in ("table", "wide") and found.servers:
        out().print()
        show_list(data["servers"], _SERVERS, form)
