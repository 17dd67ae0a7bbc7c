"""`anypool systemd-unit`: the files that make a service of the manager."""

import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

_FILES = {
    "service": "anypool.service",
    "sysusers": "anypool.sysusers",
    "environment": "anypool.env",
}


def systemd_unit(
    part: Annotated[
        Literal["service", "sysusers", "environment"], Parameter(help="which file")
    ] = "service",
    /,
) -> None:
    """Print the unit that runs this very installation, or the files beside it."""
    text = files("anypool.cli").joinpath("units", _FILES[part]).read_text(encoding="utf-8")
    sys.stdout.write(text.replace("@PROGRAM@", program()))


def program() -> str:
    """Return this program as a unit must name it: a whole path, with nothing to expand."""
    here = Path(sys.executable).with_name("anypool")
    return str(here).replace("%", "%%").replace("$", "$$").replace(" ", "\\x20")
