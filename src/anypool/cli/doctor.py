"""`anypool doctor`: what is missing on this machine."""

from typing import Annotated

from cyclopts import Parameter
from msgspec import to_builtins
from rich.text import Text

from anypool.cli.checks import findings
from anypool.cli.connection import Format
from anypool.cli.output import show_list
from anypool.cli.serve import Listen, State, settings_of
from anypool.cli.terminal import clean, note, out

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    *,
    boot: Annotated[bool, Parameter(help="build a guest if there is none, and boot it")] = False,
    listen: Listen = "",
    state: State = None,
    output: Annotated[Format, Parameter(name=("--output", "-o"), help="how it is shown")] = "table",
) -> int:
    """Say what works on this machine, what does not, and what to do about it.

    Exit code 1 if the manager could not run here; what only the lab lacks is a warning.
    """
    seen = []
    for finding in findings(settings_of(state, listen), note, boot=boot):
        seen.append(finding)
        if output in ("table", "wide"):
            mark = Text(f"{finding.verdict:<5}", style=_STYLES[finding.verdict])
            out().print(mark + Text(f"{finding.what:<15} {clean(finding.seen)}"))
            if finding.todo:
                out().print(Text(f"{'':<21}-> {clean(finding.todo)}", style="dim"))
    if output not in ("table", "wide"):
        show_list([to_builtins(finding) for finding in seen], (), output)
    return 1 if any(finding.verdict == "fail" for finding in seen) else 0
