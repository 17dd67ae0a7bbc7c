"""The text of a query in pieces: words, quoted strings, operators and punctuation."""

from enum import StrEnum

from msgspec import Struct

from anypool.search.problem import problem

MAX_LENGTH = 2000
MAX_TOKENS = 400
OPERATORS = ("!=", "<=", ">=", "=", "<", ">", "~")
RESERVED = frozenset(["and", "or", "not", "in", "where", "order", "by", "limit", "asc", "desc"])
_PUNCTUATION = {"(": "open", ")": "close", ",": "comma"}
_QUOTES = "\"'"
_ENDS_WORD = frozenset("=!<>~(),\"'")


class TokenKind(StrEnum):
    """What a piece is; a reserved word is a WORD in the eyes of the lexer."""

    WORD = "word"
    STRING = "string"
    OPERATOR = "operator"
    OPEN = "open"
    CLOSE = "close"
    COMMA = "comma"
    END = "end"


class Token(Struct, frozen=True, kw_only=True, gc=False):
    """One piece; `text` is without quotes, `start` and `end` are offsets into the query."""

    kind: TokenKind
    text: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Return whether this is one of the given words, unquoted, in any case."""
        return self.kind is TokenKind.WORD and self.text.lower() in words

    @property
    def reserved(self) -> bool:
        """Whether this is a word of the grammar."""
        return self.kind is TokenKind.WORD and self.text.lower() in RESERVED


def tokens_of(text: str) -> tuple[Token, ...]:
    """Return all pieces and an END; raise `Invalid` for an open quote or a text too long."""
    if len(text) > MAX_LENGTH:
        raise problem(
            text, MAX_LENGTH, len(text), f"the query is longer than {MAX_LENGTH} characters"
        )
    found: list[Token] = []
    position = _skip_space(text, 0)
    while position < len(text):
        token = _token(text, position)
        found.append(token)
        if len(found) > MAX_TOKENS:
            raise problem(text, position, token.end, f"the query has more than {MAX_TOKENS} words")
        position = _skip_space(text, token.end)
    found.append(Token(kind=TokenKind.END, text="", start=len(text), end=len(text)))
    return tuple(found)


def is_plain(text: str) -> bool:
    """Return whether a text reads as one word that is not reserved."""
    if not text or text.lower() in RESERVED:
        return False
    return not any(letter.isspace() or letter in _ENDS_WORD for letter in text)


def quoted(text: str) -> str:
    """Return a text in double quotes, readable by the lexer as the same text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _token(text: str, start: int) -> Token:
    letter = text[start]
    if letter in _PUNCTUATION:
        kind = TokenKind(_PUNCTUATION[letter])
        return Token(kind=kind, text=letter, start=start, end=start + 1)
    if letter in _QUOTES:
        return _string(text, start)
    for operator in OPERATORS:
        if text.startswith(operator, start):
            end = start + len(operator)
            return Token(kind=TokenKind.OPERATOR, text=operator, start=start, end=end)
    if letter == "!":
        raise problem(text, start, start + 1, "'!' stands alone", hint="write != or not")
    return _word(text, start)


def _word(text: str, start: int) -> Token:
    end = start
    while end < len(text) and not text[end].isspace() and text[end] not in _ENDS_WORD:
        end += 1
    return Token(kind=TokenKind.WORD, text=text[start:end], start=start, end=end)


def _string(text: str, start: int) -> Token:
    quote, position, letters = text[start], start + 1, []
    while position < len(text) and text[position] != quote:
        if text[position] == "\\" and position + 1 < len(text):
            position += 1
        letters.append(text[position])
        position += 1
    if position >= len(text):
        raise problem(text, start, len(text), "the quote is not closed", hint=f"add {quote}")
    return Token(kind=TokenKind.STRING, text="".join(letters), start=start, end=position + 1)
