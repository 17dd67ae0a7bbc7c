"""`anypool price`: what prices are made of, and what runs taught about them."""

from cyclopts import App

from anypool.cli.client import Json
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import note, out
from anypool.cli.words import duration

app = App(name="price", help="Prices: what they are made of, and what runs taught about them.")

COLUMNS = (
    Column("ACTION", lambda row: row["kind"]),
    Column("FROM", lambda row: row["source_name"] or "any"),
    Column("TO", lambda row: row["target_name"] or "any"),
    Column("RUNS", lambda row: row["samples"]),
    Column("TIME", lambda row: factor(row["time"])),
    Column("BYTES", lambda row: factor(row["bytes"])),
    Column("PAUSE", lambda row: factor(row["pause"])),
    Column("OFF BEFORE", lambda row: f"{row['plain_percent']:g} %"),
    Column("OFF NOW", lambda row: f"{row['corrected_percent']:g} %"),
    Column("OFF AS QUOTED", lambda row: f"{row['quoted_percent']:g} %", wide=True),
)
FIGURES = (
    Column("bandwidth", lambda row: f"{row['bandwidth_mib_s']} MiB/s"),
    Column("a migration besides", lambda row: duration(row["migrate_overhead_ms"])),
    Column("its pause", lambda row: duration(row["migrate_pause_ms"])),
    Column("its energy", lambda row: _energy(row)),
    Column("a shutdown", lambda row: duration(row["shut_down_ms"])),
    Column("any other step", lambda row: duration(row["short_ms"])),
    Column("migrations at once", lambda row: _at_once(row)),
)


@app.command
def show(*, where: Where = HERE) -> None:
    """Show the figures that prices are made of, and how runs correct them."""
    with connected(where) as client:
        found = client.get("/prices")
    if where.output not in ("table", "wide"):
        show_one(found, (), where.output)
        return
    show_one(found, FIGURES, where.output)
    out().print()
    if found["items"]:
        show_list(found["items"], COLUMNS, where.output)
    else:
        note("No kind of step ran often enough yet to correct anything.")


def factor(value: float) -> str:
    """Return a factor as people read it, such as x1.4."""
    return f"x{value:.3g}"


def told(correction: Json) -> str:
    """Return a correction in words, such as `time x1.4 from 23 runs of migrate-vm`."""
    words = f"time {factor(correction['time'])} from {correction['samples']} runs"
    words += f" of {correction['kind']}"
    if correction["source_name"]:
        words += f" from {correction['source_name']}"
    if correction["target_name"]:
        words += f" to {correction['target_name']}"
    return words


def _energy(row: Json) -> str:
    return f"{row['migrate_mib_mj'] / 1000:g} J/MiB and {row['migrate_overhead_mj'] / 1000:.0f} J"


def _at_once(row: Json) -> str:
    return f"{row['moves_at_once']} in a pool, {row['moves_per_host']} on a host"
