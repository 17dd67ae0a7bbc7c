"""Errors that point at their place in the text."""

from collections.abc import Iterable
from difflib import get_close_matches

from anypool.errors import Invalid

_SHOWN = 60


def problem(text: str, start: int, end: int, message: str, *, hint: str = "") -> Invalid:
    """Return an `Invalid` whose message has the column (from 1) and a caret under the place."""
    shown, begin = _window(text, start)
    width = max(1, min(end - start, len(shown) - begin))
    caret = " " * begin + "^" * width
    return Invalid(f"{message} (column {start + 1})\n{shown}\n{caret}", hint=hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known words, or all of them when none is near."""
    names = sorted(known)
    near = get_close_matches(word.lower()[:_SHOWN], names, n=2, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(dict.fromkeys(names))}"


def article(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def _window(text: str, start: int) -> tuple[str, int]:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    if len(plain) <= 2 * _SHOWN:
        return plain, start
    left = max(0, start - _SHOWN)
    return plain[left : left + 2 * _SHOWN], start - left
