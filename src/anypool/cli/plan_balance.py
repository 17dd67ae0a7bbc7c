"""`anypool plan balance`: advice about a pool that another tool wrote into files."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec import to_builtins

from anypool.cli.client import Json
from anypool.cli.connection import Format
from anypool.cli.files import text_of
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import note
from anypool.errors import Invalid
from anypool.exchange.advice import Advice, balance_htools

LONGEST_BUDGET_S = 86_400
MOST_CORES = 256

COLUMNS = (
    Column("MOVE", lambda move: move["number"]),
    Column("VM", lambda move: move["vm"]),
    Column("FROM", lambda move: move["source"]),
    Column("TO", lambda move: move["target"]),
    Column("SCORE", lambda move: f"{move['score']:.6f}"),
    Column("WHY", lambda move: move["why"]),
    Column("STEP", lambda move: move["step"], wide=True),
)


@Parameter(name="*")
@dataclass(frozen=True)
class Asked:
    """What is wanted beyond the moves."""

    group: Annotated[str, Parameter(help="node group, where the file has more than one")] = ""
    write: Annotated[
        Path | None, Parameter(help="write the file with all moves made to this place")
    ] = None
    budget: Annotated[
        float,
        Parameter(
            name=("--budget", "--seconds"),
            help="seconds after which the search ends with what it has",
        ),
    ] = 60.0
    cores: Annotated[
        int, Parameter(help="processors that search (roadef), 0 for all there are")
    ] = 0
    seed: Annotated[int, Parameter(help="of the random choices (roadef)")] = 0
    clock: Annotated[
        Literal["wall", "cpu"],
        Parameter(
            help="what the seconds are of (roadef): wall time, or the CPU time of each core, "
            "for comparisons on a busy machine"
        ),
    ] = "wall"


PLAIN = Asked()


def balance(
    file: Path,
    assignment: Path | None = None,
    /,
    *,
    form: Annotated[
        Literal["htools", "roadef"],
        Parameter(
            name="--from",
            help="format of the file: that of Ganeti's hbal and hspace, or a model and an "
            "assignment of the machine reassignment problem",
        ),
    ],
    asked: Asked = PLAIN,
    output: Annotated[Format, Parameter(name=("--output", "-o"), help="how it is shown")] = "table",
) -> None:
    """Say what to move where so that the hosts of a pool are loaded better; do nothing.

    No manager is asked. For htools, the score is hbal's: the lower, the more alike the hosts
    are. For roadef, the cost is the one of the ROADEF/EURO challenge of 2012; the assignment
    goes to standard output unless a place for it is given.
    """
    if not 0 < asked.budget < LONGEST_BUDGET_S:
        raise Invalid("the budget must be seconds above zero", hint="such as --budget 10")
    if form == "roadef":
        _roadef(file, assignment, asked, output)
    elif assignment is not None:
        raise Invalid("htools has one file, and two are given", hint="or is it --from roadef?")
    else:
        _htools(file, asked, output)


def _roadef(model: Path, assignment: Path | None, asked: Asked, output: Format) -> None:
    since = time.monotonic()
    from anypool.cli.plan_reassign import (
        PACES,
        check_place,
        cpus,
        reassign,
        show,
    )  # numba takes a second

    if assignment is None:
        raise Invalid(
            "an assignment to begin with is missing",
            hint="anypool plan balance MODEL ASSIGNMENT --from roadef",
        )
    if not 0 <= asked.cores <= MOST_CORES or asked.seed < 0:
        raise Invalid(f"cores must be 0 to {MOST_CORES}, and a seed zero or more")
    texts = text_of(model), text_of(assignment)
    if asked.write is not None:
        check_place(asked.write)
    cores = asked.cores or cpus()
    pace = PACES[asked.clock](asked.budget, since, cores)
    show(reassign(texts, pace, cores=cores, seed=asked.seed), asked.write, output)


def _htools(file: Path, asked: Asked, output: Format) -> None:
    end = time.monotonic() + asked.budget
    text = text_of(file)
    advice = balance_htools(text, group=asked.group, stop=lambda: time.monotonic() > end)
    if asked.write is not None:
        asked.write.write_text(advice.text, encoding="utf-8")
    rows: list[Json] = [to_builtins(one) for one in advice.moves]
    if output in ("json", "yaml"):
        data: Json = to_builtins(advice)
        data.pop("text")
        show_one(data, (), output)
    elif rows:
        show_list(rows, COLUMNS, output)
    _summary(advice, asked.write)


def _summary(advice: Advice, write: Path | None) -> None:
    moves = len(advice.moves)
    if moves:
        score = f"score {advice.before:.6f} -> {advice.after:.6f}"
        note(f"Group {advice.group}: {moves} move{'s' * (moves != 1)}, {score}. Nothing was done.")
    else:
        note(f"Group {advice.group}: nothing to move, score {advice.before:.6f}.")
    if not advice.complete:
        note("The budget ended the search; running it again on the result goes on.")
    if advice.unsafe_after:
        names = ", ".join(advice.unsafe_after)
        note(f"If one of these fails, its VMs do not all find memory elsewhere: {names}")
    if write is not None:
        note(f"Written to {write}.")
