"""Doing things to a lab's servers, and running programs inside."""

from pathlib import Path

from anypool.errors import Conflict
from anypool.lab import outer
from anypool.lab.control import Request, ask, not_up, supervisor_pid
from anypool.lab.places import LabPlaces, lab_places
from anypool.lab.processes import (
    emulators_among,
    pids_by_namespace,
    pids_in,
    read_namespaces,
)
from anypool.lab.records import Emulator
from anypool.lab.state import kept_lab


def kill(name: str, server: str, state_dir: Path | None = None) -> None:
    """Let a server die: links gone, every process ended, when this returns."""
    ask(lab_places(name, state_dir), Request(operation="off", server=server))


def boot(name: str, server: str, state_dir: Path | None = None) -> None:
    """Switch a server on; its libvirt answers a little later. No error when it is on."""
    ask(lab_places(name, state_dir), Request(operation="on", server=server))


def freeze(name: str, server: str, state_dir: Path | None = None) -> None:
    """Stop every process of a server, daemons and guests; links stay up."""
    ask(lab_places(name, state_dir), Request(operation="freeze", server=server))


def thaw(name: str, server: str, state_dir: Path | None = None) -> None:
    """Let every process of a frozen server go on."""
    ask(lab_places(name, state_dir), Request(operation="thaw", server=server))


def partition(name: str, server: str, mode: str = "full", state_dir: Path | None = None) -> None:
    """Cut a server off, in addition to the cuts in force on it.

    `mode` is `full`, `mgmt` or `data` (links down), `port:N` (its TCP port N answers nobody),
    `from:SERVER` (it hears nothing that server sends) or `from:SERVER:N` (nothing that server
    sends from TCP port N, such as libvirt's answers).
    """
    ask(lab_places(name, state_dir), Request(operation="partition", server=server, mode=mode))


def heal(name: str, server: str, state_dir: Path | None = None) -> None:
    """Undo every cut of a server."""
    ask(lab_places(name, state_dir), Request(operation="heal", server=server))


def enter_command(name: str, state_dir: Path | None = None) -> list[str]:
    """Start of a command line that runs a program in the lab's network, files as outside.

    Sockets the program opened before stay outside the lab.
    """
    places = lab_places(name, state_dir)
    return outer.enter_network(kept_lab(places).mode, _supervisor(places))


def server_command(name: str, server: str, state_dir: Path | None = None) -> list[str]:
    """Start of a command line that runs a program inside a server.

    Raises `Conflict` when the server is off.
    """
    places = lab_places(name, state_dir)
    _supervisor(places)
    kept_lab(places).server(server)
    namespace = read_namespaces(places.namespaces).get(server)
    pids = pids_in(namespace) if namespace is not None else ()
    if not pids:
        raise Conflict(f"server {server} is off", hint="boot it first")
    return outer.enter_server(kept_lab(places).mode, pids[0])


def processes(name: str, server: str, state_dir: Path | None = None) -> tuple[Emulator, ...]:
    """The emulator processes of a server as the machine's process table shows them.

    Asks neither libvirt nor the lab's supervisor, so it is true whatever those believe; a
    server that is off has none.
    """
    return all_processes(name, state_dir).get(server, ())


def all_processes(name: str, state_dir: Path | None = None) -> dict[str, tuple[Emulator, ...]]:
    """The emulator processes of each server that is on, as `processes`, by one look."""
    places = lab_places(name, state_dir)
    namespaces = read_namespaces(places.namespaces)
    if not namespaces or supervisor_pid(places) is None:
        return {}
    found = pids_by_namespace(namespaces.values())
    return {server: emulators_among(found[one]) for server, one in namespaces.items()}


def _supervisor(places: LabPlaces) -> int:
    pid = supervisor_pid(places) if places.directory.exists() else None
    if pid is None:
        raise not_up(places)
    return pid
