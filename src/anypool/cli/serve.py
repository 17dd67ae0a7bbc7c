"""`anypool serve` and `anypool login-link`: the manager itself, on this machine."""

import gc
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import replace

from anypool import lab as labs
from anypool import settings
from anypool.cli.terminal import out
from anypool.errors import Invalid, Unreachable
from anypool.settings import Settings

Listen = Annotated[str, Parameter(help="ADDRESS:PORT; beyond loopback it speaks TLS")]
_PASSED_ON = (
    *("demo", "demo_hosts", "demo_vms"),
    *("changes_wait_s", "unreachable_retry_max_s"),
)
"""What a command that starts a manager may have changed."""
State = Annotated[Path | None, Parameter(help="folder of the database, keys and certificates")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Inside:
    """The lab to live in."""

    lab: Annotated[str, Parameter(help="live in the network of this lab")] = ""
    lab_state: Annotated[Path | None, Parameter(help="folder of all labs")] = None


ANYWHERE = Inside()
"""What holds when no option says otherwise."""


def serve(
    *,
    listen: Listen = "",
    fd: Annotated[int | None, Parameter(help="listen on this open socket instead")] = None,
    state: State = None,
    inside: Inside = ANYWHERE,
    leashed: Annotated[bool, Parameter(help="stop when standard input ends, too")] = False,
) -> int:
    """Run the manager until it is told to stop (Ctrl-C or SIGTERM)."""
    chosen = settings_of(state, listen)
    if inside.lab:
        before = labs.enter_command(inside.lab, inside.lab_state)
        with open_socket(chosen) if fd is None else socket.socket(fileno=fd) as sock:
            sock.set_inheritable(True)
            argv = [*before, *command(sock.fileno(), chosen)]
            os.execvpe(argv[0], argv, environment(chosen))
    gc.disable()  # all of it stays, and looking through it takes an eighth of the start
    from anypool import app

    gc.enable()
    if leashed:
        threading.Thread(target=_stop_with_input, name="leash", daemon=True).start()

    return app.serve(chosen, fd)


def _stop_with_input() -> None:
    """Stop this process when whoever holds the other end of standard input is gone."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def login_link(*, user: str = "admin", listen: Listen = "", state: State = None) -> None:
    """Print a link that logs a user in once, within 15 minutes.

    For whoever may read the manager's state folder; give --state and --listen as to serve.
    """
    from anypool import app

    out().print(app.login_link(settings_of(state, listen), user), markup=False)


def settings_of(state: Path | None, listen: str) -> Settings:
    """Return the settings of this machine with what the options say; raise `Invalid`."""
    folder = {"ANYPOOL_STATE": str(state.absolute())} if state else {}
    found = settings.load({**os.environ, **folder})
    if not listen:
        return found
    host, port = _split(listen)
    return replace(found, listen_host=host, listen_port=port)


def open_socket(chosen: Settings) -> socket.socket:
    """Return a listening socket; raise `Unreachable` when the address cannot be had."""
    host, port = chosen.listen_host, chosen.listen_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        hint = "is another manager running? --listen 127.0.0.1:0 takes any free port"
        raise Unreachable(f"cannot listen on {host} port {port}: {error}", hint=hint) from error


def command(fd: int, chosen: Settings) -> list[str]:
    """Return the command line of a manager that listens on an open socket."""
    host = f"[{chosen.listen_host}]" if ":" in chosen.listen_host else chosen.listen_host
    place = f"{host}:{chosen.listen_port}"
    return [
        sys.executable, "-m", "anypool.cli.main", "serve",
        "--fd", str(fd), "--state", chosen.state_dir, "--listen", place,
    ]  # fmt: skip


def environment(chosen: Settings) -> Mapping[str, str]:
    """Return the environment of a manager process: every setting that is not the usual one."""
    usual = Settings(state_dir=chosen.state_dir)
    given = {
        f"ANYPOOL_{name.upper()}": str(getattr(chosen, name)).lower()
        for name in _PASSED_ON
        if getattr(chosen, name) != getattr(usual, name)
    }
    if chosen.demo:
        given["ANYPOOL_DATABASE"] = ""
    return {**os.environ, **given, "ANYPOOL_STATE": chosen.state_dir}


def _split(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else -1
    try:
        ipaddress.ip_address(host)
    except ValueError:
        number = number if host == "localhost" else -1
    if not 0 <= number <= 65535:
        raise Invalid(f"{listen} is no address and port", hint="such as 127.0.0.1:8420")
    return host, number
