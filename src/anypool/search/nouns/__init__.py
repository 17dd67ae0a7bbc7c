"""The table of every noun, and how a dotted name is found in them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct

from anypool.search.field import Field, Join, Table
from anypool.search.nouns.audit import AUDIT
from anypool.search.nouns.failure import FAILURE, FATE
from anypool.search.nouns.host import HOST
from anypool.search.nouns.places import DATASTORE, ENDPOINT, IMAGE, NETWORK
from anypool.search.nouns.policy import POLICY
from anypool.search.nouns.pool import POOL
from anypool.search.nouns.profile import PROFILE
from anypool.search.nouns.record import EVENT, OPERATION, PLAN
from anypool.search.nouns.rollout import ROLLOUT
from anypool.search.nouns.server import SERVER
from anypool.search.nouns.service import SERVICE
from anypool.search.nouns.vm import VM
from anypool.search.syntax import Noun

MAX_JOINS = 3
T = TypeVar("T")

TABLES: Mapping[Noun, Table[Any]] = {
    Noun.VM: VM,
    Noun.HOST: HOST,
    Noun.SERVER: SERVER,
    Noun.PROFILE: PROFILE,
    Noun.DATASTORE: DATASTORE,
    Noun.NETWORK: NETWORK,
    Noun.IMAGE: IMAGE,
    Noun.ENDPOINT: ENDPOINT,
    Noun.POOL: POOL,
    Noun.SERVICE: SERVICE,
    Noun.POLICY: POLICY,
    Noun.PLAN: PLAN,
    Noun.OPERATION: OPERATION,
    Noun.ROLLOUT: ROLLOUT,
    Noun.EVENT: EVENT,
    Noun.AUDIT: AUDIT,
    Noun.FAILURE: FAILURE,
    Noun.FATE: FATE,
}

FIELDS: Mapping[Noun, Mapping[str, Field[Any]]] = {
    noun: {field.name: field for field in table.fields} for noun, table in TABLES.items()
}

JOINS: Mapping[Noun, Mapping[str, Join[Any]]] = {
    noun: {join.name: join for join in table.joins} for noun, table in TABLES.items()
}

_PLURALS = {f"{noun}s": noun for noun in Noun} | {"policies": Noun.POLICY}


class Resolved(Struct, frozen=True):
    """A dotted name, found: the joins to follow and the field at their end."""

    joins: tuple[Join[Any], ...]
    field: Field[Any]

    @property
    def path(self) -> tuple[str, ...]:
        """The names along the way, as the tables spell them."""
        return (*(join.name for join in self.joins), self.field.name)


class Unresolved(Struct, frozen=True):
    """A dotted name that leads nowhere: the part at fault and what would be known there."""

    part: str
    noun: Noun
    known: tuple[str, ...]


def noun_of(word: str) -> Noun | None:
    """Return the noun a word names in singular or plural, None if it names none."""
    word = word.lower()
    return Noun(word) if word in set(Noun) else _PLURALS.get(word)


def resolve(noun: Noun, path: tuple[str, ...]) -> Resolved | Unresolved:
    """Find a dotted name in the tables, in any case and with `tags` for `tag`."""
    joins: list[Join[Any]] = []
    for part in path[:-1]:
        found = _named(JOINS[noun], part)
        if found is None or len(joins) == MAX_JOINS:
            return Unresolved(part, noun, tuple(JOINS[noun]))
        joins.append(found)
        noun = found.noun
    field = _named(FIELDS[noun], path[-1])
    if field is None:
        return Unresolved(path[-1], noun, tuple(FIELDS[noun]))
    return Resolved(tuple(joins), field)


def _named(known: Mapping[str, T], word: str) -> T | None:
    word = word.lower().replace("_", "-")
    return known.get(word) or known.get(word.removesuffix("s"))
