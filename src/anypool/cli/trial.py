"""A manager to try things on: a port for it, a login to it, and what to say about it."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from anypool.cli import contexts
from anypool.cli.child import Manager
from anypool.cli.client import Client
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.cli.serve import open_socket
from anypool.cli.terminal import note, out
from anypool.errors import AnypoolError, Unreachable
from anypool.settings import Settings


def free_port(chosen: Settings, *, given: bool) -> Settings:
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
def logged_in(running: Manager, name: str) -> Iterator[Client]:
    """Yield a client logged in as administrator; its context `name` becomes the current one."""
    file = contexts.path()
    known = contexts.load(file)
    context = known.contexts.get(name)
    if context is None or context.url != running.url or not _valid(context):
        _, code = split_link(link(running))
        context = by_code(Context(url=running.url), code)
    contexts.save(file, contexts.load(file).with_context(name, context))
    with open_http(context) as http:
        yield Client(http)


def link(running: Manager) -> str:
    """Return a new link that logs the administrator in once."""
    from anypool import app

    return app.login_link(running.settings, "admin")


def tell(running: Manager, commands: Sequence[str], headline: str = "") -> None:
    """Say where the manager is, how to log in, and what to try in another terminal."""
    me = own_name()
    lines = [
        headline,
        f"The manager listens on {running.url} (its log: {running.log})",
        f"Log in, once: {link(running)}",
        "",
        "In another terminal:",
        *(f"  {me} {command}" for command in commands),
        "",
        "Ctrl-C here ends everything.",
    ]
    for line in lines:
        out().print(line, markup=False)


def own_name(program: Path | None = None) -> str:
    """Return how this program is called from a new terminal in the same folder."""
    here = program or Path(sys.executable).with_name("anypool")
    if "archive-v0" in here.parts or {"pipx", ".cache"} <= set(here.parts):
        return str(here)  # uvx and pipx run put it on the path of this one process only
    if shutil.which("anypool") or not here.exists():
        return "anypool"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)


def _valid(context: Context) -> bool:
    with open_http(context) as http:
        try:
            Client(http).get("/me")
        except AnypoolError:
            return False
    return True
