"""Switching a blade, whichever of its controllers was asked."""

from anypool.errors import Conflict, Invalid
from anypool.lab.blades.board import Board
from anypool.lab.blades.monitor import monitor
from anypool.lab.control import Operation, Request, ask
from anypool.lab.places import LabPlaces
from anypool.lab.spec import Server

_OPERATIONS: dict[str, tuple[Operation, ...]] = {
    "On": ("on",),
    "ForceOn": ("on",),
    "ForceOff": ("off",),
    "ForceRestart": ("off", "on"),
    "PowerCycle": ("off", "on"),
    "GracefulShutdown": ("shutdown",),
}

_OTHERS = ("PushPowerButton", "Nmi")
_WHILE_ON = ("ForceRestart", "PowerCycle", "GracefulShutdown", "Nmi")


def is_on(places: LabPlaces, server: Server) -> bool:
    """Whether a blade is on, as the process table says now."""
    states = {state.name: state.power for state in ask(places, Request(operation="status"))}
    return states[server.name] == "on"


def check(places: LabPlaces, server: Server, kind: str) -> None:
    """Raise `Invalid` for a reset there is not, `Conflict` for one that needs the power on."""
    if kind not in (*_OPERATIONS, *_OTHERS):
        raise Invalid(f"a blade has no reset {kind}", hint=f"use one of: {', '.join(_OPERATIONS)}")
    if kind in _WHILE_ON and not is_on(places, server):
        raise Conflict(f"{server.name} is off", hint="switch it on")


def reset(places: LabPlaces, server: Server, kind: str) -> None:
    """Carry out a reset of Redfish's kinds; raises `Invalid` or `Conflict`.

    An orderly shutdown is begun by the button on the blade's front, and takes as long as what
    runs on it needs, for ever if it does not heed the button.
    """
    check(places, server, kind)
    if kind == "Nmi":
        with monitor(Board(places.server(server.name)).monitor) as machine:
            machine.order("inject-nmi")
        return
    if kind == "PushPowerButton":
        kind = "GracefulShutdown" if is_on(places, server) else "On"
    for operation in _OPERATIONS[kind]:
        ask(places, Request(operation=operation, server=server.name))


def press_button(board: Board) -> None:
    """Press the button on the front of a blade that is on."""
    board.note("button", "the power button is pressed")
    with monitor(board.monitor) as machine:
        machine.order("system_powerdown")
