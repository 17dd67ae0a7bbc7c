"""`anypool profile export`: lists for the people who set up LAN and SAN."""

import csv
import io
import json
from typing import Annotated, Literal

from cyclopts import Parameter

from anypool.cli.client import Json
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.terminal import note


def export(
    *,
    network: Annotated[
        Literal["lan", "san"],
        Parameter(name="--for", help="lan: ports of switches; san: zones and access lists"),
    ],
    form: Annotated[
        Literal["csv", "json"], Parameter(name="--as", help="how it is written")
    ] = "csv",
    filter: Annotated[str, Parameter(name=("--filter", "-f"), help="a search for profiles")] = "",
    where: Where = HERE,
) -> None:
    """Print what is set up once: where the addresses of profiles are, and may come to be.

    After that a profile moves to another server with no change of a switch.
    """
    with connected(where) as client:
        found = client.get("/wiring", **{"for": network, "q": filter})
    rows: list[Json] = found[network]
    if form == "json":
        print(json.dumps(rows, indent=2))
        return
    print(_csv(rows), end="")
    if not rows:
        note("no profile has anything for it")


def _csv(rows: list[Json]) -> str:
    """Return rows as CSV with a head; lists are joined by spaces."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(
            " ".join(value) if isinstance(value, list) else value for value in row.values()
        )
    return text.getvalue()
