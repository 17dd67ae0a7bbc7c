"""Planners by name: what they make of a wish that was asked before, to compare them."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.planner.rebalance import Weights
from anypool.planner.wishes import AnyWish, BalanceHosts, EvacuateHost

NEW = "new"


class Variant(Struct, frozen=True):
    """A planner: its name, what it does otherwise, and the wish it makes of another.

    `change` returns None for a wish that it does not concern.
    """

    name: str
    meaning: str
    change: Callable[[AnyWish], AnyWish | None]


def _weighed(**shares: int) -> Callable[[AnyWish], AnyWish | None]:
    weights = replace(Weights(memory=0, cpu=0, network=0, disk=0), **shares)

    def change(wish: AnyWish) -> AnyWish | None:
        return replace(wish, weights=weights) if isinstance(wish, BalanceHosts) else None

    return change


def _by_size(wish: AnyWish) -> AnyWish | None:
    return replace(wish, usages={}) if isinstance(wish, BalanceHosts) else None


def _free(wish: AnyWish) -> AnyWish | None:
    return replace(wish, left_alone=frozenset()) if isinstance(wish, BalanceHosts) else None


def _first(wish: AnyWish) -> AnyWish | None:
    return replace(wish, rounds=1) if isinstance(wish, BalanceHosts) else None


def _whole(wish: AnyWish) -> AnyWish | None:
    return replace(wish, rounds=-1) if isinstance(wish, BalanceHosts) else None


def _tight(wish: AnyWish) -> AnyWish | None:
    return replace(wish, tight=True) if isinstance(wish, EvacuateHost) else None


VARIANTS: dict[str, Variant] = {
    one.name: one
    for one in (
        Variant(NEW, "what this release makes of the very same wish", lambda wish: wish),
        Variant("memory", "balancing: only memory counts", _weighed(memory=100)),
        Variant("cpu", "balancing: only CPU counts", _weighed(cpu=100)),
        Variant(
            "even",
            "balancing: memory, CPU, network and disk count alike",
            _weighed(memory=100, cpu=100, network=100, disk=100),
        ),
        Variant("by-size", "balancing: as if nobody had measured a load", _by_size),
        Variant("free", "balancing: no VM is left alone; rules still hold", _free),
        Variant("first", "balancing: ends after its first round of moves", _first),
        Variant("whole", "balancing: ends when nothing is left, not when time is up", _whole),
        Variant("tight", "evacuating: fills the fullest hosts instead of spreading", _tight),
    )
}
"""All planners by name."""


def variant(name: str) -> Variant:
    """Return a planner by its name; raise `Invalid`."""
    if name not in VARIANTS:
        raise Invalid(
            f"there is no planner {name[:40]!r}", hint=f"there are: {', '.join(VARIANTS)}"
        )
    return VARIANTS[name]
