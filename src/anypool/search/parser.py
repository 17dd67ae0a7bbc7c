"""From text to a query by recursive descent; every refusal points at its place.

::

    query      = [noun ["where"]] [either] ["order" "by" key {"," key}] ["limit" number]
    either     = both {"or" both}
    both       = single {["and"] single}
    single     = "not" single | "(" either ")" | comparison | word
    comparison = field operator value | field ["not"] "in" "(" value {"," value} ")"
    key        = field ["asc" | "desc"]
"""

from typing import Any, NoReturn

from anypool.errors import Invalid
from anypool.search.field import Field
from anypool.search.lexer import Token, TokenKind, tokens_of
from anypool.search.nouns import FIELDS, JOINS, Resolved, noun_of, resolve
from anypool.search.problem import article, did_you_mean, problem
from anypool.search.query import Query
from anypool.search.syntax import (
    Compare,
    Expression,
    Not,
    Noun,
    OneOf,
    Operator,
    SortKey,
    Value,
    Word,
    all_of,
    any_of,
)
from anypool.search.value import OPERATORS, understood

MAX_DEPTH = 20
MAX_LIMIT = 1_000_000
_ENDS = frozenset({TokenKind.END, TokenKind.CLOSE, TokenKind.COMMA})


def parse(text: str, noun: Noun | None = None) -> Query:
    """Return the query a text means; raise `Invalid` with column, caret and a hint.

    `noun` is what is searched when the text does not say it; when both do they must agree.
    """
    return _Parser(text, noun).query()


class _Parser:
    """One pass over the tokens of one text."""

    def __init__(self, text: str, noun: Noun | None) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.at = 0
        self.depth = 0
        self.noun = self._noun(noun)

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    @property
    def following(self) -> Token:
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def query(self) -> Query:
        where = None if self._clause_ends() else self._either()
        order = self._order()
        limit = self._limit()
        if self.token.kind is not TokenKind.END:
            self._refuse(f"{self._shown()} is not expected here", hint=self._what_fits(order))
        return Query(noun=self.noun, where=where, order=order, limit=limit)

    def _noun(self, wanted: Noun | None) -> Noun:
        written = noun_of(self.token.text) if self.token.kind is TokenKind.WORD else None
        if written is None or self._compared():
            return wanted or self._no_noun()
        if wanted not in (None, written):
            hint = f"put '{self.token.text}' in quotes to search for the word"
            self._refuse(f"this searches {wanted}s, not {written}s", hint=hint)
        self._next()
        if self.token.says("where"):
            self._next()
            if self._clause_ends():
                self._refuse("a condition is missing after where", hint="such as name = web*")
        return written

    def _no_noun(self) -> NoReturn:
        if self.token.kind is TokenKind.WORD and self.following.says("where"):
            hint = did_you_mean(self.token.text, Noun)
            self._refuse(f"{self._shown()} cannot be searched", hint=hint)
        self._refuse("it is not said what to search", hint=f"begin with {', '.join(Noun)}")

    def _compared(self) -> bool:
        """Whether the current word is followed by what makes it a field."""
        after = self.following
        if after.says("not"):
            later = self.tokens[min(self.at + 2, len(self.tokens) - 1)]
            return later.says("in")
        return after.kind is TokenKind.OPERATOR or after.says("in")

    def _clause_ends(self) -> bool:
        return self.token.kind is TokenKind.END or self.token.says("order", "limit")

    def _either(self) -> Expression:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._refuse(f"the query is nested more than {MAX_DEPTH} deep")
        parts = [self._both()]
        while self.token.says("or"):
            self._next()
            parts.append(self._both())
        self.depth -= 1
        return any_of(parts)

    def _both(self) -> Expression:
        parts = [self._single()]
        while not (self._clause_ends() or self.token.kind in _ENDS or self.token.says("or")):
            if self.token.says("and"):
                self._next()
            parts.append(self._single())
        return all_of(parts)

    def _single(self) -> Expression:
        if self.token.says("not"):
            self._next()
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self._refuse(f"the query is nested more than {MAX_DEPTH} deep")
            part = self._single()
            self.depth -= 1
            return Not(part=part)
        if self.token.kind is TokenKind.OPEN:
            self._next()
            inner = self._either()
            self._expect(TokenKind.CLOSE, ")")
            return inner
        if self.token.kind is TokenKind.WORD and self._compared() and self._is_name():
            return self._comparison()
        if self.token.kind in _ENDS or self.token.kind is TokenKind.OPERATOR:
            self._refuse(f"a condition is missing before {self._shown()}", hint="name = web*")
        return Word(value=self._value("a condition"))

    def _is_name(self) -> bool:
        """Whether the current word may be a field: reserved ones only where they are one."""
        return not self.token.reserved or self.token.text in FIELDS[self.noun]

    def _comparison(self) -> Expression:
        found = self._field()
        if self.token.kind is TokenKind.OPERATOR:
            operator = Operator(self.token.text)
            self._allow(found.field, operator)
            self._next()
            value = self._checked_value(found.field)
            return Compare(path=found.path, operator=operator, value=value)
        negated = self.token.says("not")
        if negated:
            self._next()
        self._next()
        one_of = OneOf(path=found.path, values=self._values(found.field))
        return Not(part=one_of) if negated else one_of

    def _field(self) -> Resolved:
        token = self.token
        found = resolve(self.noun, tuple(token.text.split(".")))
        if isinstance(found, Resolved):
            self._next()
            return found
        kind = "field" if found.known == tuple(FIELDS[found.noun]) else "join"
        start = token.start + max(0, token.text.find(found.part))
        known = (*FIELDS[found.noun], *JOINS[found.noun]) if kind == "field" else found.known
        hint = did_you_mean(found.part, known)
        message = f"{article(found.noun)} has no {kind} '{found.part}'"
        raise problem(self.text, start, start + max(1, len(found.part)), message, hint=hint)

    def _allow(self, field: Field[Any], operator: Operator) -> None:
        known = OPERATORS[field.kind]
        if operator not in known:
            signs = " ".join(sign for sign in Operator if sign in known)
            self._refuse(f"'{operator}' does not fit {field.name}", hint=f"it knows {signs}")

    def _values(self, field: Field[Any]) -> tuple[Value, ...]:
        self._expect(TokenKind.OPEN, "(")
        values = [self._checked_value(field)]
        while self.token.kind is TokenKind.COMMA:
            self._next()
            values.append(self._checked_value(field))
        self._expect(TokenKind.CLOSE, ")")
        return tuple(values)

    def _checked_value(self, field: Field[Any]) -> Value:
        token = self.token
        value = self._value(f"a value for {field.name}")
        try:
            understood(field, value, 0.0)
        except Invalid as error:
            raise problem(
                self.text, token.start, token.end, error.message, hint=error.hint
            ) from None
        return value

    def _value(self, wanted: str) -> Value:
        token = self.token
        if token.reserved:
            hint = f"put '{token.text}' in quotes to mean the word"
            self._refuse(f"{wanted} is missing before '{token.text}'", hint=hint)
        if token.kind not in (TokenKind.WORD, TokenKind.STRING):
            self._refuse(f"{wanted} is missing before {self._shown()}")
        self._next()
        wild = token.kind is TokenKind.WORD and "*" in token.text
        return Value(text=token.text, wild=wild)

    def _order(self) -> tuple[SortKey, ...]:
        if not self.token.says("order"):
            return ()
        self._next()
        if not self.token.says("by"):
            self._refuse("by is missing after order", hint="write order by name")
        self._next()
        keys = [self._sort_key()]
        while self.token.kind is TokenKind.COMMA:
            self._next()
            keys.append(self._sort_key())
        return tuple(keys)

    def _sort_key(self) -> SortKey:
        if self.token.kind is not TokenKind.WORD or self.token.reserved:
            self._refuse("a field to order by is missing", hint="write order by name")
        path = self._field().path
        descending = self.token.says("desc")
        if self.token.says("asc", "desc"):
            self._next()
        return SortKey(path=path, descending=descending)

    def _limit(self) -> int | None:
        if not self.token.says("limit"):
            return None
        self._next()
        text = self.token.text
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_LIMIT))):
            self._refuse("limit needs a whole number", hint="write limit 10")
        if not 0 < int(text) <= MAX_LIMIT:
            self._refuse(f"limit is from 1 to {MAX_LIMIT}")
        self._next()
        return int(text)

    def _what_fits(self, order: tuple[SortKey, ...]) -> str:
        if self.token.kind is TokenKind.CLOSE:
            return "there is no open parenthesis before it"
        return "only limit can follow" if order else "join conditions with and, or"

    def _expect(self, kind: TokenKind, sign: str) -> None:
        if self.token.kind is not kind:
            self._refuse(f"'{sign}' is missing before {self._shown()}")
        self._next()

    def _shown(self) -> str:
        return "the end" if self.token.kind is TokenKind.END else f"'{self.token.text}'"

    def _next(self) -> None:
        self.at = min(self.at + 1, len(self.tokens) - 1)

    def _refuse(self, message: str, *, hint: str = "") -> NoReturn:
        raise problem(self.text, self.token.start, self.token.end, message, hint=hint)
