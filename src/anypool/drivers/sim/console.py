"""The consoles of simulated VMs: they say that they are simulated."""

import socket
import struct
from collections.abc import Callable

_LOOK_S = 0.5
_CHUNK = 4096
_NO_SCREEN = b"this VM is simulated and has no screen"
_PATIENCE_S = 5.0


def serial(name: str, lives: Callable[[], bool], visitor: socket.socket) -> None:
    """Greet, then say back what is typed, as long as the VM lives here."""
    visitor.sendall(f"\r\n{name} is simulated: it says back what you type.\r\n".encode())
    visitor.settimeout(_LOOK_S)
    while lives():
        try:
            typed = visitor.recv(_CHUNK)
        except TimeoutError:
            continue
        if not typed:
            return
        visitor.sendall(typed.replace(b"\r", b"\r\n"))


def vnc(visitor: socket.socket) -> None:
    """Refuse as a VNC server does, with a reason that viewers show."""
    visitor.settimeout(_PATIENCE_S)
    visitor.sendall(b"RFB 003.008\n")
    if visitor.recv(_CHUNK):
        visitor.sendall(struct.pack(">BI", 0, len(_NO_SCREEN)) + _NO_SCREEN)
