"""Reasons as values: a code and its facts, put into words when somebody reads them.

What is decided, refused or done is stored as code and facts. `plan.catalogue` says which
facts a code has and what they are; `plan.words` has one file of words for each language.
"""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from anypool.plan.catalogue import CODES
from anypool.plan.kinds import Kind

Fact: TypeAlias = "str | int | float | Reason | tuple[str | Reason, ...]"


class Reason(Struct, frozen=True, kw_only=True, gc=False):
    """Why something is done or refused; `facts` are sorted by name, and may be reasons too."""

    code: str
    facts: tuple[tuple[str, Fact], ...] = ()

    def kinds(self) -> Iterator[tuple[str, Kind, Fact]]:
        """Yield each fact with its kind; TEXT for one that another release wrote."""
        known = CODES.get(self.code, {})
        for name, value in self.facts:
            yield name, known.get(name, Kind.TEXT), value


_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.WORD: (str,),
    Kind.COUNT: (int,),
    Kind.MIB: (int,),
    Kind.BYTES: (int,),
    Kind.SECONDS: (int, float),
    Kind.MILLISECONDS: (int,),
    Kind.REASON: (Reason,),
    Kind.NAMES: (tuple,),
    Kind.LIST: (tuple,),
    Kind.REASONS: (tuple,),
}


def reason(code: str, **facts: Fact) -> Reason:
    """Return a reason; raise `KeyError` for a code or facts that the catalogue does not know.

    A fact that is not of its kind raises `TypeError`.
    """
    kinds = CODES[code]
    if kinds.keys() != facts.keys():
        raise KeyError(f"{code} has the facts {sorted(kinds)}, not {sorted(facts)}")
    for name, value in facts.items():
        if not isinstance(value, _TYPES[kinds[name]]):
            raise TypeError(f"{code}: {name} is no {kinds[name]}: {value!r}")
    exact = {name: str(v) if isinstance(v, str) else v for name, v in facts.items()}
    return Reason(code=code, facts=tuple(sorted(exact.items())))


def plain(text: str) -> Reason:
    """Return words that are nobody's code: what a platform or another program said."""
    return reason("said", text=text)
