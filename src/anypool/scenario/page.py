"""YAML whose every value knows its file and line, so that a mistake can be pointed at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import yaml

from anypool.errors import Invalid

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_MOST_DEEP = 20
_TRUE = frozenset({"true", "yes", "on"})


class Spot(NamedTuple):
    """A place in a file; lines count from 1."""

    file: str
    line: int

    def wrong(self, message: str, hint: str = "") -> Invalid:
        """Return the error that says what is wrong here."""
        return Invalid(f"{self.file}:{self.line}: {message}", hint=hint)


class Item(NamedTuple):
    """A value of a page: a text, a list or a mapping; `kind` is the one YAML sees in a text."""

    spot: Spot
    value: str | tuple[Item, ...] | Mapping[str, Item]
    kind: str = "str"

    def wrong(self, message: str, hint: str = "") -> Invalid:
        """Return the error that says what is wrong with this."""
        return self.spot.wrong(message, hint)

    def text(self) -> str:
        """Return a text, "" for nothing; raise `Invalid` for anything else."""
        if isinstance(self.value, str):
            return "" if self.kind == "null" else self.value
        raise self.wrong("a text is wanted here, not a list or a mapping")

    def mapping(self) -> Mapping[str, Item]:
        """Return a mapping, empty for nothing; raise `Invalid` for anything else."""
        if isinstance(self.value, Mapping):
            return self.value
        if self.kind == "null":
            return {}
        raise self.wrong("names with values are wanted here", hint="write `name: value`")

    def entries(self) -> tuple[Item, ...]:
        """Return a list, empty for nothing; raise `Invalid` for anything else."""
        if isinstance(self.value, tuple):
            return self.value
        if self.kind == "null":
            return ()
        raise self.wrong("a list is wanted here", hint="begin each entry with `- `")

    def plain(self) -> Any:
        """Return the value as JSON would have it."""
        if isinstance(self.value, Mapping):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        try:
            return _SCALARS[self.kind](self.value) if self.kind in _SCALARS else self.value
        except ValueError:
            return self.value


_SCALARS: dict[str, Any] = {
    "int": lambda text: int(text.replace("_", "")),
    "float": float,
    "bool": lambda text: text.lower() in _TRUE,
    "null": lambda _: None,
}


def parse_page(file: str, text: str) -> Item:
    """Return the one document of a file; raise `Invalid` with file and line."""
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _broken(file, error) from error
    finally:
        loader.dispose()
    if node is None:
        return Item(Spot(file, 1), "", "null")
    return _item(file, node, 0)


def known(item: Item, names: Iterable[str]) -> Mapping[str, Item]:
    """Return a mapping that has no other keys than these; raise `Invalid` at the first other."""
    allowed = sorted(names)
    found = item.mapping()
    for key, value in found.items():
        if key not in allowed:
            raise value.wrong(f"{key!r} is not understood here", hint=instead(key, allowed))
    return found


def instead(word: str, allowed: Iterable[str]) -> str:
    """Return a hint: what somebody probably meant, or everything that is understood."""
    words = sorted(allowed)
    near = get_close_matches(word, words, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(words)}"


def _item(file: str, node: Any, depth: int) -> Item:
    spot = Spot(file, node.start_mark.line + 1)
    if depth > _MOST_DEEP:
        raise spot.wrong("this is nested too deeply")
    if isinstance(node, yaml.ScalarNode):
        return Item(spot, node.value, node.tag.removeprefix(_TAG))
    if isinstance(node, yaml.SequenceNode):
        return Item(spot, tuple(_item(file, one, depth + 1) for one in node.value))
    return Item(spot, dict(_pairs(file, node, depth)))


def _pairs(file: str, node: Any, depth: int) -> Iterator[tuple[str, Item]]:
    seen: set[str] = set()
    for key, value in node.value:
        spot = Spot(file, key.start_mark.line + 1)
        if not isinstance(key, yaml.ScalarNode):
            raise spot.wrong("a name is wanted before the colon")
        if key.value in seen:
            raise spot.wrong(f"{key.value!r} is there twice", hint="name each once")
        seen.add(key.value)
        yield key.value, _item(file, value, depth + 1)._replace(spot=spot)


def _broken(file: str, error: Exception) -> Invalid:
    mark = getattr(error, "problem_mark", None)
    line = 1 if mark is None else mark.line + 1
    problem = getattr(error, "problem", None) or str(error)
    hint = "quote texts with a colon or a hash in them" if "mapping" in problem else ""
    return Spot(file, line).wrong(f"no YAML: {' '.join(problem.split())}", hint=hint)
