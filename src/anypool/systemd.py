"""What systemd is told and what it gives: readiness, signs of life, credentials. Plain sockets.

Without systemd the environment names nothing of this, and nothing happens.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"
_PATIENCE_S = 1.0


def tell(*states: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send states to whoever started us as a service; False if nobody asked or listens."""
    place = environment.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return False
    address = "\0" + place[1:] if place.startswith("@") else place
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
        way.settimeout(_PATIENCE_S)
        way.connect(address)
        way.sendall("\n".join(states).encode())
        return True
    return False


def alive_every_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return how often a sign of life is due, None if none is wanted of this process.

    That is a third of the time after which we would be restarted.
    """
    wanted = environment.get("WATCHDOG_USEC", "")
    of = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not wanted.isdecimal() or not int(wanted) or of != str(os.getpid()):
        return None
    return int(wanted) / 3e6


def credential(name: str, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of a credential that was loaded for us, None if there is none."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / name
    return path if folder and path.is_file() else None
