"""Reasons in words, in every language there is: one file each, and English if in doubt."""

from collections.abc import Callable
from types import ModuleType

from anypool.model.units import format_size
from anypool.plan.kinds import Kind
from anypool.plan.reason import Fact, Reason
from anypool.plan.words import de, en

LANGUAGES: dict[str, ModuleType] = {"en": en, "de": de}
DEFAULT = "en"
_MIB = 1 << 20


def say(why: Reason, language: str = DEFAULT) -> str:
    """Return the words of a reason in a language of `LANGUAGES`.

    A code that this release does not know is shown as it is, with its facts.
    """
    words = LANGUAGES.get(language, en)
    template = words.WORDS.get(why.code)
    if template is None:
        return _bare(why)
    shown = {name: _Shown(value, kind, language) for name, kind, value in why.kinds()}
    try:
        return str(template.format_map(shown))
    except KeyError:  # written by another release, with other facts
        return _bare(why)


class _Shown:
    """A fact in a template: `{count}` is the fact itself, `{count:#VM|VMs}` the fitting word."""

    def __init__(self, value: Fact, kind: Kind, language: str) -> None:
        self._value = value
        self._kind = kind
        self._language = language

    def __format__(self, spec: str) -> str:
        if spec.startswith("#"):
            one, _, many = spec[1:].partition("|")
            return one if self._value == 1 else many
        return _fact(self._value, self._kind, self._language)


def _fact(value: Fact, kind: Kind, language: str) -> str:
    if isinstance(value, Reason):
        return say(value, language)
    if isinstance(value, tuple):
        between = "; " if kind is Kind.REASONS else ", "
        return between.join(_fact(one, Kind.TEXT, language) for one in value)
    if isinstance(value, str):
        known = LANGUAGES.get(language, en).WORDS
        return str(known.get(f"word.{value}", value)) if kind is Kind.WORD else value
    return number(_NUMBERS[kind](value), language) if kind in _NUMBERS else str(value)


_NUMBERS: dict[Kind, Callable[[float], str]] = {
    Kind.COUNT: lambda value: f"{value:g}" if isinstance(value, float) else str(value),
    Kind.MIB: lambda value: format_size(int(value) * _MIB),
    Kind.BYTES: lambda value: format_size(int(value)),
    Kind.SECONDS: lambda value: f"{value:g} s",
    Kind.MILLISECONDS: lambda value: f"{value:g} ms",
}


def number(text: str, language: str) -> str:
    """Return a number as the language writes it, given with a point."""
    return text.replace(".", str(LANGUAGES.get(language, en).POINT))


def _bare(why: Reason) -> str:
    return " ".join([why.code, *(f"{name}={value}" for name, value in why.facts)])
