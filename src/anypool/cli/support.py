"""`anypool support`: what somebody who helps needs to see."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.serve import State, settings_of
from anypool.cli.terminal import note
from anypool.errors import Invalid

app = App(name="support", help="Support: what somebody who helps needs to see.")


@app.command
def bundle(
    file: Path,
    /,
    *,
    mask_names: Annotated[
        bool, Parameter(help="replace names of VMs, hosts and people, the same by the same")
    ] = False,
    offline: Annotated[
        bool, Parameter(help="without a manager: what this machine and the state folder tell")
    ] = False,
    state: State = None,
    where: Where = HERE,
) -> None:
    """Write versions, settings, states, errors and the log of the manager into a new tar.gz.

    Passwords, keys and tokens are never in it. --state is for --offline, as to serve.
    """
    if offline and mask_names:
        hint = "look through it, or let a manager make it"
        raise Invalid("without a manager nobody knows which names to replace", hint=hint)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "wb") as out:
            out.write(_offline(state) if offline else _made(where, mask_names=mask_names))
    except BaseException:
        file.unlink()
        raise
    note(f"written to {file}; look into it before you give it away")


def _made(where: Where, *, mask_names: bool) -> bytes:
    with connected(where) as client:
        return client.download("/support/bundle", mask_names=mask_names)


def _offline(state: Path | None) -> bytes:
    from anypool import app as manager

    return manager.offline_bundle(settings_of(state, ""))
