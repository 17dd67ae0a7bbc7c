"""Lists and single objects: the options and the code that all nouns share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import key
from anypool.cli.connection import Where, connected
from anypool.cli.output import Column, show_counts, show_list, show_one
from anypool.errors import Invalid
from anypool.search import Noun, parse


@Parameter(name="*", group="Which")
@dataclass(frozen=True, kw_only=True)
class Which:
    """What of a list is shown."""

    filter: Annotated[
        str,
        Parameter(
            name=("--filter", "-f"),
            help="a search, such as `state = running and memory >= 1GiB order by name`",
        ),
    ] = ""
    limit: Annotated[int, Parameter(help="at most so many; 0 is all")] = 0
    facets: Annotated[
        str,
        Parameter(
            help="instead of the rows, how many have each value of these fields: state,host,tag"
        ),
    ] = ""


_COUNTED = (
    Noun.VM,
    Noun.HOST,
    Noun.SERVER,
    Noun.PROFILE,
    Noun.DATASTORE,
    Noun.NETWORK,
    Noun.IMAGE,
    Noun.ENDPOINT,
    Noun.POOL,
    Noun.FAILURE,
    Noun.FATE,
)

EVERY = Which()
"""What holds when no option says otherwise."""


def show_all(
    path: str, noun: Noun | None, columns: Sequence[Column], which: Which, where: Where
) -> None:
    """Print the objects of a list that match; the search is checked before anything is sent."""
    if which.limit < 0:
        raise Invalid("--limit cannot be negative", hint="0 shows all")
    query = str(parse(which.filter, noun)) if which.filter and noun else which.filter
    if which.facets and noun not in _COUNTED:
        hint = f"those of {', '.join(_COUNTED)} have; use --filter and count the rows"
        raise Invalid("this list has no facets", hint=hint)
    with connected(where) as client:
        if which.facets:
            page = client.get(path, q=query, limit=1, facets=which.facets)
            show_counts(page, where.output)
            return
        rows = client.items(path, query=query, most=which.limit)
        show_list(rows, columns, where.output)


def show_single(path: str, name: str, columns: Sequence[Column], where: Where) -> None:
    """Print one object by its name or id."""
    with connected(where) as client:
        show_one(client.get(f"{path}/{key(name)}"), columns, where.output)
