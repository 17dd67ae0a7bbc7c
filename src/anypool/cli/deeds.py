"""Deeds: preview them, agree to them, do them, follow them. The same options for every verb."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Client, Json
from anypool.cli.connection import Where, connected
from anypool.cli.follow import follow
from anypool.cli.output import show_one
from anypool.cli.preview import show_plan
from anypool.cli.terminal import clean, confirm, note, out

Call = Callable[[Client, bool], Json]


@Parameter(name="*", group="How it is done")
@dataclass(frozen=True, kw_only=True)
class How:
    """Preview, follow, agree."""

    dry_run: Annotated[
        bool, Parameter(help="only show the plan, with reasons, price and what was rejected")
    ] = False
    watch: Annotated[bool, Parameter(name=("--watch", "-w"), help="follow it to its end")] = False
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False


@Parameter(name="*", group="How it is done")
@dataclass(frozen=True, kw_only=True)
class Taking(How):
    """The same for deeds that take room which failures may need."""

    ignore_failover: Annotated[
        bool,
        Parameter(negative="", help="do it though less would survive a failure; the plan says so"),
    ] = False

    @property
    def query(self) -> Json:
        """Return what the request says of it."""
        return {"ignore_failover": True} if self.ignore_failover else {}


PLAINLY = How()
"""What holds when no option says otherwise."""
TAKING = Taking()


def do(where: Where, how: How, call: Call, *, question: str = "") -> int:
    """Carry a deed out, or preview it; return the exit code.

    `call` sends the request, told whether it is a dry run. A `question` is asked first
    unless `--yes` was given.
    """
    with connected(where) as client:
        if how.dry_run:
            plan = call(client, True)
            show_plan(client, plan, where.output)
            if where.output in ("table", "wide"):
                note(f"Nothing was done. To do it: anypool plan run {plan['id']}")
            return 0
        if question:
            confirm(question, yes=how.yes)
        return begun(client, where, how, call(client, False))


def begun(client: Client, where: Where, how: How, answer: Json) -> int:
    """Show an operation that was just started, or follow it; return the exit code."""
    operation = answer.get("operation", answer)
    number = str(operation["id"])
    if how.watch:
        return follow(client, number)
    if where.output in ("json", "yaml"):
        show_one(operation, (), where.output)
    elif where.output == "name":
        out().print(number, markup=False)
    else:
        goal = clean(operation.get("goal", ""))
        out().print(f"operation {number} started: {goal}", markup=False)
        note(f"follow it: anypool operation watch {number}")
    return 0
