"""Builds that are broken on purpose: the switches are here, and the product knows nothing of them.

Each takes one thing away that keeps a VM from running twice. The oracle must see that.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anypool.engine.ha import guard
from anypool.engine.lease import Keeper
from anypool.engine.observing import vitals
from anypool.engine.runs import migration
from anypool.engine.runs.eyes import Eyes
from anypool.engine.runs.sight import Seen
from anypool.model import APART_S, PowerOff
from anypool.planner.ha import decide as deciding
from anypool.planner.ha.astray import Astray
from anypool.planner.ha.brake import Situation
from anypool.planner.ha.decide import Case, Decision, Recover
from anypool.planner.ha.detect import ALIVE, Condition
from anypool.store import lease

Put = Callable[[object, str, object], None]


def skip_proof(put: Put) -> None:
    """Start elsewhere because nobody answers."""
    decide = deciding.decide

    def decided(case: Case, situation: Situation) -> Decision:
        silent = case.verdict.condition not in (*ALIVE, Condition.SUSPECT)
        if silent and case.at_risk:
            now = situation.now
            return Recover(PowerOff(host=case.verdict.host, first_at=now - APART_S, at=now))
        return decide(case, situation)

    put(guard, "decide", decided)
    put(vitals.Vitals, "against", lambda *_: None)


def skip_epoch(put: Put) -> None:
    """Write whoever leads."""
    put(lease, "check", lambda tx, _: lease.read(tx))


def skip_lease(put: Put) -> None:
    """Do deeds without a look at whether we still lead."""
    put(Keeper, "may_act", lambda _: True)


def skip_brake(put: Put) -> None:
    """Switch off whatever is silent."""
    put(deciding, "brake", lambda *_: None)


def skip_both_sides(put: Put) -> None:
    """Take a host that does not answer for one that does not have the VM."""
    look = Eyes._look_at_vm

    def looked(self: Eyes, *about: Any) -> tuple[Seen, ...]:
        seen = look(self, *about)
        if not any(one.answered for one in seen):
            return seen
        return tuple(one if one.answered else Seen(one.host, answered=True) for one in seen)

    put(Eyes, "_look_at_vm", looked)


def skip_unseen(put: Put) -> None:
    """Take a VM that its host does not have any more for one that is nowhere, its copy for new."""
    put(Astray, "may_run_on", lambda *_: ())
    put(migration, "noted", lambda _, memory, *__: memory)


BROKEN: dict[str, Callable[[Put], None]] = {
    "skip-proof": skip_proof,
    "skip-epoch": skip_epoch,
    "skip-lease": skip_lease,
    "skip-brake": skip_brake,
    "skip-both-sides": skip_both_sides,
    "skip-unseen": skip_unseen,
}


@contextmanager
def build(name: str) -> Iterator[None]:
    """Break the product in one way, for as long as this is open."""
    before: list[tuple[object, str, object]] = []

    def put(where: object, what: str, new: object) -> None:
        before.append((where, what, vars(where)[what]))
        setattr(where, what, new)

    BROKEN[name](put)
    try:
        yield
    finally:
        for where, what, old in before:
            setattr(where, what, old)
