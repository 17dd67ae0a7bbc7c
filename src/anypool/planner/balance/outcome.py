"""What a search returns: moves in order, and what they lead to."""

from dataclasses import dataclass

from anypool.planner.balance.problem import Ints


@dataclass(frozen=True, kw_only=True)
class Move:
    """One VM goes from host to host; numbers are indexes, `after` the score then.

    `why` is "spread", "mend" (a broken rule) or "exchange". Moves of one `step` belong
    together: the two ways of an exchange, or VMs that stay together.
    """

    vm: int
    source: int
    target: int
    after: float
    why: str
    step: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The moves in the order they are to be made, and what they lead to."""

    moves: tuple[Move, ...]
    placed: Ints
    before: float
    after: float
    complete: bool  # whether nothing better was left, rather than the budget used up
    unsafe_before: tuple[int, ...]  # hosts whose failure cannot be absorbed
    unsafe_after: tuple[int, ...]
