"""Saving power in a scenario: `save-power low 60 reserve 1 keep h1 h2`, as the command does it."""

from anypool.errors import Invalid
from anypool.model import HostId, Inventory, Usage, VmId
from anypool.planner.rules import Rulebook
from anypool.planner.saving import Order
from anypool.scenario.words import PROVEN_AT


def order_of(
    words: tuple[str, ...], inventory: Inventory, rules: Rulebook, usages: dict[VmId, Usage]
) -> Order:
    """Return what is asked of all hosts; raise `Invalid` for words that say nothing.

    Words are `low N`, `high N`, `reserve N`, `failures N`, `not-now`, `all-up`, `keep HOST...`.
    """
    numbers: dict[str, float] = {"low": 40.0, "high": 75.0, "reserve": 0.0, "failures": 0.0}
    left, keep = list(words), list[str]()
    flags = {flag: flag in left for flag in ("not-now", "all-up")}
    left = [word for word in left if word not in flags]
    if "keep" in left:
        at = left.index("keep")
        left, keep = left[:at], left[at + 1 :]
    for name, value in zip(left[::2], [*left[1::2], ""], strict=False):
        if name not in numbers or not value.isdigit():
            raise Invalid(f"{name} {value} says nothing", hint="low, high, reserve, failures N")
        numbers[name] = float(value)
    alone = rules.left_alone(inventory.vms)
    return Order(
        hosts=frozenset(inventory.hosts),
        name="default",
        usages=usages,
        now=PROVEN_AT,
        low_percent=numbers["low"],
        high_percent=numbers["high"],
        reserve=int(numbers["reserve"]),
        failures=int(numbers["failures"]),
        may_close=not flags["not-now"],
        all_up=flags["all-up"],
        keep=frozenset(HostId(key) for key in keep),
        left_alone=alone,
    )
