"""`anypool support`: what somebody who helps needs to see."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.terminal import note

app = App(name="support", help="Support: what somebody who helps needs to see.")


@app.command
def bundle(
    file: Path,
    /,
    *,
    mask_names: Annotated[
        bool, Parameter(help="replace names of VMs, hosts and people, the same by the same")
    ] = False,
    where: Where = HERE,
) -> None:
    """Write versions, settings, states, errors and the log of the manager into a new tar.gz.

    Passwords, keys and tokens are never in it.
    """
    with connected(where) as client:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(handle, "wb") as out:
                out.write(client.download("/support/bundle", mask_names=mask_names))
        except BaseException:
            file.unlink()
            raise
    note(f"written to {file}; look into it before you give it away")
