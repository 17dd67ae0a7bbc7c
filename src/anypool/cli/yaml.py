"""JSON-like values as YAML: blocks, and plain scalars only where no reader can mistake them."""

import json
from typing import Any

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./ -")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", ""})


def dump(value: Any) -> str:
    """Return the value as a YAML document, its lines ended by newlines."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _pair(_scalar(str(key)), item)]
    if isinstance(value, list | tuple) and value:
        return [line for item in value for line in _entry(item)]
    return [_scalar(value)]


def _pair(key: str, item: Any) -> list[str]:
    if isinstance(item, dict | list | tuple) and item:
        return [f"{key}:", *(f"  {line}" for line in _lines(item))]
    return [f"{key}: {_scalar(item)}"]


def _entry(item: Any) -> list[str]:
    first, *rest = _lines(item)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _plain(value):
        return value
    if isinstance(value, str):
        return f'"{"".join(map(_escaped, value))}"'
    return json.dumps(value, ensure_ascii=True)


def _escaped(letter: str) -> str:
    """Return a letter as it stands in double quotes; YAML knows no pairs of surrogates."""
    return json.dumps(letter)[1:-1] if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def _plain(text: str) -> bool:
    if text.lower() in _WORDS or not set(text) <= _SAFE or text != text.strip():
        return False
    return text[0].isalpha()
