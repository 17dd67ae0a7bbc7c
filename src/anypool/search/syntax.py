"""A query as frozen records, and the one way to write each of them down."""

from enum import StrEnum
from typing import TypeAlias, assert_never

from msgspec import Struct

from anypool.search.lexer import is_plain, quoted


class Noun(StrEnum):
    """What can be searched."""

    VM = "vm"
    HOST = "host"
    SERVER = "server"
    PROFILE = "profile"
    DATASTORE = "datastore"
    NETWORK = "network"
    IMAGE = "image"
    ENDPOINT = "endpoint"
    POOL = "pool"
    SERVICE = "service"
    POLICY = "policy"
    PLAN = "plan"
    OPERATION = "operation"
    ROLLOUT = "rollout"
    EVENT = "event"
    AUDIT = "audit"
    FAILURE = "failure"
    FATE = "fate"


class Operator(StrEnum):
    """How a field is compared; `~` is contains."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    CONTAINS = "~"


class Value(Struct, frozen=True, kw_only=True, gc=False):
    """A value as written; in a `wild` one, which was not quoted, `*` stands for any text."""

    text: str
    wild: bool = False

    def __str__(self) -> str:
        plain = self.wild or ("*" not in self.text and is_plain(self.text))
        return self.text if plain else quoted(self.text)


class Word(Struct, frozen=True, kw_only=True, gc=False, tag="word"):
    """Free text: some text field of the record contains it."""

    value: Value


class Compare(Struct, frozen=True, kw_only=True, gc=False, tag="compare"):
    """A field against a value; `path` is joins and then a field, by their own names."""

    path: tuple[str, ...]
    operator: Operator
    value: Value


class OneOf(Struct, frozen=True, kw_only=True, gc=False, tag="one-of"):
    """A field equals one of the values."""

    path: tuple[str, ...]
    values: tuple[Value, ...]


class Not(Struct, frozen=True, kw_only=True, gc=False, tag="not"):
    """The part does not hold."""

    part: "Expression"


class And(Struct, frozen=True, kw_only=True, gc=False, tag="and"):
    """All parts hold; there are at least two, and none is an `And`."""

    parts: tuple["Expression", ...]


class Or(Struct, frozen=True, kw_only=True, gc=False, tag="or"):
    """At least one part holds; there are at least two, and none is an `Or`."""

    parts: tuple["Expression", ...]


Expression: TypeAlias = Word | Compare | OneOf | Not | And | Or


class SortKey(Struct, frozen=True, kw_only=True, gc=False):
    """A field to order by."""

    path: tuple[str, ...]
    descending: bool = False

    def __str__(self) -> str:
        return ".".join(self.path) + (" desc" if self.descending else "")


def all_of(parts: list[Expression]) -> Expression:
    """Return the parts joined by `and`, nested ones dissolved."""
    flat = [leaf for part in parts for leaf in (part.parts if isinstance(part, And) else (part,))]
    return flat[0] if len(flat) == 1 else And(parts=tuple(flat))


def any_of(parts: list[Expression]) -> Expression:
    """Return the parts joined by `or`, nested ones dissolved."""
    flat = [leaf for part in parts for leaf in (part.parts if isinstance(part, Or) else (part,))]
    return flat[0] if len(flat) == 1 else Or(parts=tuple(flat))


def paths_of(expression: Expression) -> frozenset[tuple[str, ...]]:
    """Return the paths of all comparisons: joins and then a field, by their own names."""
    match expression:
        case Word():
            return frozenset()
        case Compare(path=path) | OneOf(path=path):
            return frozenset({path})
        case Not(part=part):
            return paths_of(part)
        case And(parts=parts) | Or(parts=parts):
            return frozenset[tuple[str, ...]]().union(*map(paths_of, parts))
        case _:
            assert_never(expression)


def written(expression: Expression) -> str:
    """Return the expression as text that parses to an equal expression."""
    match expression:
        case Word(value=value):
            return str(value)
        case Compare(path=path, operator=operator, value=value):
            return f"{'.'.join(path)} {operator} {value}"
        case OneOf(path=path, values=values):
            return f"{'.'.join(path)} in ({', '.join(map(str, values))})"
        case Not(part=part):
            return f"not {_grouped(part)}"
        case And(parts=parts):
            return " and ".join(map(_grouped, parts))
        case Or(parts=parts):
            return " or ".join(map(_grouped, parts))
        case _:
            assert_never(expression)


def _grouped(part: Expression) -> str:
    return f"({written(part)})" if isinstance(part, And | Or) else written(part)
