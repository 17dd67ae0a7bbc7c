"""What may come next at a place in an unfinished query."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum, auto
from heapq import nsmallest
from typing import Any

from msgspec import Struct

from anypool.errors import Invalid
from anypool.model import Inventory
from anypool.search.field import Field, Kind
from anypool.search.lexer import Token, TokenKind, is_plain, quoted, tokens_of
from anypool.search.nouns import FIELDS, JOINS, TABLES, Resolved, noun_of, resolve
from anypool.search.syntax import Noun, Operator
from anypool.search.value import OPERATORS

_MOST = 20
_JOINERS = ("and", "or", "order by", "limit")


class Suggestion(Struct, frozen=True, kw_only=True, gc=False):
    """A text to put in; `count` is how many records have this value, 0 where it says nothing."""

    text: str
    kind: str
    count: int = 0
    doc: str = ""


class Completion(Struct, frozen=True, kw_only=True, gc=False):
    """Suggestions for the characters from `start` to `end` of the text."""

    start: int
    end: int
    suggestions: tuple[Suggestion, ...] = ()


class _Wait(Enum):
    """What the grammar waits for."""

    CONDITION = auto()
    OPERATOR = auto()
    VALUE = auto()
    LIST = auto()
    LIST_VALUE = auto()
    LIST_NEXT = auto()
    JOINER = auto()
    BY = auto()
    KEY = auto()
    DIRECTION = auto()
    LIMIT = auto()
    NOTHING = auto()


def complete(text: str, cursor: int, inventory: Inventory, noun: Noun | None = None) -> Completion:
    """Return what may stand at `cursor`, with the counts of values in the inventory.

    Raises nothing: where the text before the cursor makes no sense there are no suggestions.
    """
    cursor = max(0, min(cursor, len(text)))
    before, partial = _split(text[:cursor])
    if before is None:
        return Completion(start=cursor, end=cursor)
    written, tokens = _written_noun(before, noun)
    wanted, field = _walk(tokens, written or noun)
    start = partial.start if partial else cursor
    typed = partial.text.casefold() if partial else ""
    if field is not None and wanted in (_Wait.VALUE, _Wait.LIST_VALUE):
        values = _values(field, inventory, typed)
        return Completion(start=start, end=cursor, suggestions=values)
    found = _suggest(wanted, field, written or noun)
    if not before:
        found = [*found, *_nouns(noun)]
    return Completion(start=start, end=cursor, suggestions=_fitting(found, typed))


def _split(text: str) -> tuple[list[Token] | None, Token | None]:
    """Return the finished tokens, and the word or open quote that touches the cursor."""
    try:
        tokens = list(tokens_of(text))[:-1]
    except Invalid:
        return _split_open_quote(text)
    last = tokens[-1] if tokens else None
    if last and last.end == len(text) and last.kind is TokenKind.WORD:
        return tokens[:-1], last
    return tokens, None


def _split_open_quote(text: str) -> tuple[list[Token] | None, Token | None]:
    start = max(text.rfind('"'), text.rfind("'"))
    if start < 0:
        return None, None
    try:
        tokens = list(tokens_of(text[:start]))[:-1]
    except Invalid:
        return None, None
    partial = Token(kind=TokenKind.STRING, text=text[start + 1 :], start=start, end=len(text))
    return tokens, partial


def _written_noun(tokens: list[Token], noun: Noun | None) -> tuple[Noun | None, list[Token]]:
    first = tokens[0] if tokens else None
    if first is None or first.kind is not TokenKind.WORD:
        return None, tokens
    found = noun_of(first.text)
    compared = len(tokens) > 1 and (
        tokens[1].kind is TokenKind.OPERATOR or tokens[1].says("in", "not")
    )
    if found is None or compared or noun not in (None, found):
        return None, tokens
    rest = tokens[1:]
    return found, rest[1:] if rest and rest[0].says("where") else rest


def _walk(tokens: list[Token], noun: Noun | None) -> tuple[_Wait, Field[Any] | None]:
    wait, field = _Wait.CONDITION, None
    for index, token in enumerate(tokens):
        if token.says("order"):
            wait = _Wait.BY
        elif token.says("limit"):
            wait = _Wait.LIMIT
        elif wait in (_Wait.CONDITION, _Wait.JOINER):
            named = None if noun is None else _field(noun, token)
            after = tokens[index + 1] if index + 1 < len(tokens) else None
            wait = _condition(token, named, after)
            field = named or field
        else:
            wait = _STEPS.get((wait, token.kind), _Wait.NOTHING)
            wait = _Wait.LIST if token.says("in") else wait
    return wait, field


def _condition(token: Token, named: Field[Any] | None, after: Token | None) -> _Wait:
    if token.says("and", "or", "not", "where") or token.kind is TokenKind.OPEN:
        return _Wait.CONDITION
    plain = after is not None and not (after.kind is TokenKind.OPERATOR or after.says("in", "not"))
    return _Wait.JOINER if named is None or plain else _Wait.OPERATOR


_WORDS = (TokenKind.WORD, TokenKind.STRING)
_STEPS: Mapping[tuple[_Wait, TokenKind], _Wait] = {
    (_Wait.OPERATOR, TokenKind.OPERATOR): _Wait.VALUE,
    (_Wait.OPERATOR, TokenKind.WORD): _Wait.OPERATOR,
    **{(_Wait.VALUE, kind): _Wait.JOINER for kind in _WORDS},
    (_Wait.LIST, TokenKind.OPEN): _Wait.LIST_VALUE,
    **{(_Wait.LIST_VALUE, kind): _Wait.LIST_NEXT for kind in _WORDS},
    (_Wait.LIST_NEXT, TokenKind.COMMA): _Wait.LIST_VALUE,
    (_Wait.LIST_NEXT, TokenKind.CLOSE): _Wait.JOINER,
    (_Wait.BY, TokenKind.WORD): _Wait.KEY,
    (_Wait.KEY, TokenKind.WORD): _Wait.DIRECTION,
    (_Wait.DIRECTION, TokenKind.WORD): _Wait.DIRECTION,
    (_Wait.DIRECTION, TokenKind.COMMA): _Wait.KEY,
}


def _field(noun: Noun, token: Token) -> Field[Any] | None:
    found = resolve(noun, tuple(token.text.split(".")))
    named = token.kind is TokenKind.WORD and isinstance(found, Resolved)
    return found.field if named and isinstance(found, Resolved) else None


def _suggest(wait: _Wait, field: Field[Any] | None, noun: Noun | None) -> list[Suggestion]:
    if noun is None:
        return []
    match wait:
        case _Wait.CONDITION:
            return [*_fields(noun), _keyword("not")]
        case _Wait.KEY:
            return list(_fields(noun))
        case _Wait.OPERATOR if field is not None:
            signs = [sign for sign in Operator if sign in OPERATORS[field.kind]]
            return [Suggestion(text=text, kind="operator") for text in (*signs, "in", "not in")]
        case _Wait.JOINER:
            return [_keyword(word) for word in _JOINERS]
        case _Wait.DIRECTION:
            return [_keyword(word) for word in ("asc", "desc", "limit")]
        case _Wait.BY:
            return [_keyword("by")]
        case _:
            return []


def _keyword(word: str) -> Suggestion:
    return Suggestion(text=word, kind="keyword")


def _nouns(noun: Noun | None) -> Iterator[Suggestion]:
    for known in Noun if noun is None else ():
        yield Suggestion(text=known, kind="noun")


def _fields(noun: Noun) -> Iterator[Suggestion]:
    for field in FIELDS[noun].values():
        yield Suggestion(text=field.name, kind="field", doc=field.doc)
    for join in JOINS[noun].values():
        for field in FIELDS[join.noun].values():
            doc = f"of {join.doc}: {field.doc}"
            yield Suggestion(text=f"{join.name}.{field.name}", kind="join", doc=doc)


def _values(field: Field[Any], inventory: Inventory, typed: str) -> tuple[Suggestion, ...]:
    """Return the values of a field that hold what was typed, the most frequent ones first."""
    if field.kind is Kind.BOOL:
        counts = Counter(yes=0, no=0)
    elif field.kind in (Kind.TEXT, Kind.ENUM, Kind.SET):
        counts = _counted(field, inventory)
    else:
        return ()
    folded = ((name.casefold(), name) for name in counts if name)
    ranked = nsmallest(
        _MOST,
        (
            (not text.startswith(typed), -counts[name], name)
            for text, name in folded
            if typed in text
        ),
    )
    return tuple(
        Suggestion(text=_writable(name), kind="value", count=-count) for _, count, name in ranked
    )


def _counted(field: Field[Any], inventory: Inventory) -> Counter[str]:
    counts: Counter[str] = Counter(dict.fromkeys(field.values, 0))
    owner = next(noun for noun in Noun if field in FIELDS[noun].values())
    for row in TABLES[owner].rows(inventory):
        value = field.get(row, inventory)
        counts.update(value if field.kind is Kind.SET else (value,))
    return counts


def _writable(name: str) -> str:
    return name if is_plain(name) and "*" not in name else quoted(name)


def _fitting(found: Iterable[Suggestion], typed: str) -> tuple[Suggestion, ...]:
    holding = [one for one in found if typed in one.text]
    return tuple(sorted(holding, key=lambda one: not one.text.startswith(typed))[:_MOST])
