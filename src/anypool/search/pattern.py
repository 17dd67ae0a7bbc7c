"""Text tests: equal, contained, and `*` for any text, in time linear in the text.

No regular expression is built from what people write, so no text can make one explode.
"""

from collections.abc import Callable

Test = Callable[[str], bool]


def equals(folded: str, *, wild: bool) -> Test:
    """Return a test of case-folded texts; in a wild one `*` stands for any text."""
    if not wild:
        return lambda text: text == folded
    first, *middle, last = folded.split("*")
    parts = tuple(part for part in middle if part)
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        return _in_order(text, parts, len(first), len(text) - len(last))

    return matches


def contains(folded: str, *, wild: bool) -> Test:
    """Return a test whether a case-folded text holds this one anywhere."""
    if wild:
        return equals(f"*{folded}*", wild=True)
    return lambda text: folded in text


def _in_order(text: str, parts: tuple[str, ...], begin: int, end: int) -> bool:
    for part in parts:
        found = text.find(part, begin, end)
        if found < 0:
            return False
        begin = found + len(part)
    return True
