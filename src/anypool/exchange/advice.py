"""Advice about a file: what the planners would do with the pool in it, in words."""

from collections.abc import Callable
from itertools import groupby

from msgspec import Struct

from anypool.exchange.ganeti import group_of, problem_of
from anypool.exchange.htools import move, read, write
from anypool.plan import Reason, reason, say
from anypool.planner.balance import Move, Outcome, balance


class Advised(Struct, frozen=True, kw_only=True):
    """One move: `step` is shared by moves that belong together, `score` what holds after it."""

    number: int
    step: int
    vm: str
    source: str
    target: str
    score: float
    why: str


class Advice(Struct, frozen=True, kw_only=True):
    """Moves in the order they are to be made, the scores, and the file with them made.

    `complete` is false where time ran out before nothing better was left. `unsafe` names the
    hosts whose failure the others could not absorb, before and after.
    """

    group: str
    before: float
    after: float
    complete: bool
    moves: tuple[Advised, ...]
    unsafe_before: tuple[str, ...]
    unsafe_after: tuple[str, ...]
    text: str


def balance_htools(
    text: str, *, group: str = "", stop: Callable[[], bool] = lambda: False
) -> Advice:
    """Return how to balance a group of a cluster in the format of Ganeti's htools.

    Raise `Invalid` with a line number where the text is wrong, `NotSupported` where the
    cluster has rules that are not understood.
    """
    cluster = read(text)
    part = group_of(cluster, group)
    outcome = balance(problem_of(part), stop)
    vms = [one.name for one in part.instances]
    hosts = [node.name for node in part.nodes]
    whys = _reasons(outcome, vms)
    advised = tuple(
        Advised(
            number=number,
            step=one.step,
            vm=vms[one.vm],
            source=hosts[one.source],
            target=hosts[one.target],
            score=one.after,
            why=say(why),
        )
        for number, (one, why) in enumerate(zip(outcome.moves, whys, strict=True), start=1)
    )
    moved = move(cluster, {one.vm: one.target for one in advised})
    return Advice(
        group=part.name,
        before=outcome.before,
        after=outcome.after,
        complete=outcome.complete,
        moves=advised,
        unsafe_before=tuple(hosts[host] for host in outcome.unsafe_before),
        unsafe_after=tuple(hosts[host] for host in outcome.unsafe_after),
        text=write(moved),
    )


def _reasons(outcome: Outcome, vms: list[str]) -> list[Reason]:
    before, found = outcome.before, []
    for _, group in groupby(outcome.moves, key=lambda one: one.step):
        moves = list(group)
        after = moves[-1].after
        pair = (moves[0], moves[-1])
        for one in moves:
            partner = pair[one.source == pair[0].source]
            found.append(_reason(one, vms[partner.vm], before, after))
        before = after
    return found


def _reason(one: Move, partner: str, before: float, after: float) -> Reason:
    if one.why == "mend":
        return reason("balance.mend")
    if one.why == "exchange":
        return reason("balance.exchange", partner=partner, after=f"{after:.6f}")
    return reason("balance.spread", before=f"{before:.6f}", after=f"{after:.6f}")
