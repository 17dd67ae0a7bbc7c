"""Thinning out what is old: small transactions, only while we lead, and it can be stopped."""

import threading
from collections.abc import Callable, Collection, Sequence

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine.loads.rollup import Rollup
from anypool.errors import Busy, Invalid
from anypool.model import PlanId
from anypool.plan import reason
from anypool.plan.parts import names_in
from anypool.settings import Settings
from anypool.store import Store, Tx, inventories, plans
from anypool.store import retention as kept
from anypool.store.retention import DAY_S, HOUR_S, Amount, LastRound

BATCH = 200
REST_S = 0.05
"""Between two batches, so that those who wait to write get their turn."""

Moment = tuple[int, float, str, str]


class Rule(Struct, frozen=True):
    """How long one kind of record is kept: the setting that says so, and its seconds."""

    kind: str
    setting: str
    keep_s: float
    meaning: str


class Standing(Struct, frozen=True, kw_only=True):
    """A rule, how much there is of its kind, and what was done last."""

    rule: Rule
    amount: Amount
    last: LastRound


class Retention:
    """The rules, and the rounds that keep them; a round is done by one thread at a time."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._rolling = Rollup(store)
        self._working = threading.Lock()
        self.stopping = threading.Event()

    def rules(self) -> tuple[Rule, ...]:
        """Return what is kept how long, in the order in which it is thinned out."""
        return _rules(self._settings)

    def standing(self) -> tuple[Standing, ...]:
        """Return every rule with how much there is."""
        with self._store.reading() as tx:
            last = kept.last(tx)
            return tuple(
                Standing(
                    rule=rule,
                    amount=_MEASURES[rule.kind](tx),
                    last=last.get(rule.kind, LastRound()),
                )
                for rule in self.rules()
            )

    def run(self, kinds: Collection[str] = ()) -> dict[str, int]:
        """Thin out some kinds, all if none are named; return how many rows of each went.

        Raise `Invalid` for a kind that is not there, `Busy` while another round is under way.
        """
        rules = self.rules()
        if unknown := sorted(set(kinds) - {rule.kind for rule in rules}):
            hint = f"there are: {', '.join(rule.kind for rule in rules)}"
            raise Invalid(f"nothing is kept as {unknown[0][:80]!r}", hint=hint)
        if not self._working.acquire(blocking=False):
            raise Busy("records are being thinned out", hint="look at it: `anypool retention show`")
        try:
            return {
                rule.kind: self._thin(rule)
                for rule in rules
                if (not kinds or rule.kind in kinds) and not self.stopping.is_set()
            }
        finally:
            self._working.release()

    def _thin(self, rule: Rule) -> int:
        if rule.kind == "loads":
            self._rolling.run(self._clock.now(), self._pause)
        before = self._clock.now() - rule.keep_s
        forget = _FORGETS.get(rule.kind)
        removed = self._thin_inventories() if forget is None else self._drain(forget, before)
        with self._store.writing() as tx:
            kept.note(tx, rule.kind, removed)
        return removed

    def _drain(self, forget: kept.Forget, before: float) -> int:
        """Forget in batches until nothing is left to forget, or we are stopped."""
        removed = 0
        while self._pause():
            with self._store.writing() as tx:
                gone = forget(tx, before, BATCH)
            removed += gone
            if not gone:
                break
        return removed

    def _thin_inventories(self) -> int:
        """Forget inventories by age, then the chunks that no inventory has."""
        with self._store.reading() as tx:
            doomed = thinned(inventories.moments(tx), kept.plans_kept(tx), tx.now, self._settings)
        removed = 0
        for start in range(0, len(doomed), BATCH):
            if not self._pause():
                return removed
            with self._store.writing() as tx:
                # A plan made meanwhile has an inventory of its own, and so needs none of these.
                removed += inventories.remove(tx, doomed[start : start + BATCH])
        self._sweep()
        return removed

    def _sweep(self) -> None:
        """Forget chunks without an inventory. One that is stored meanwhile is looked at again."""
        with self._store.reading() as tx:
            known = inventories.moments(tx)
            needed = _needed(tx, [one[2] for one in known])
        upto, after = max((one[0] for one in known), default=0), b""
        while self._pause():
            with self._store.writing() as tx:
                names = inventories.chunk_names(tx, after, BATCH)
                newer = [one for one in inventories.moments(tx) if one[0] > upto]
                needed |= _needed(tx, [one[2] for one in newer])
                upto = max([upto, *(one[0] for one in newer)])
                inventories.sweep(tx, [name for name in names if name not in needed])
            if len(names) < BATCH:
                return
            after = names[-1]

    def _pause(self) -> bool:
        """Let others write; False once we are to stop."""
        return not self._clock.wait(self.stopping, REST_S)


def thinned(
    moments: Sequence[Moment], plans_kept: Collection[str], now: float, settings: Settings
) -> list[int]:
    """Return the numbers of the inventories to forget.

    Kept are the newest, those of plans that are kept, all young ones, and of older ones
    the first of each hour, then of each day.
    """
    doomed, taken = [], set[tuple[int, int]]()
    for number, at, _, plan in moments[:-1]:
        age_days = (now - at) / DAY_S
        if plan in plans_kept or age_days <= settings.keep_inventories_days:
            continue
        unit_s = HOUR_S if age_days <= settings.keep_hourly_inventories_days else DAY_S
        share = (unit_s, int(at) // unit_s)
        if age_days > settings.keep_daily_inventories_days or share in taken:
            doomed.append(number)
        taken.add(share)
    return doomed


def _needed(tx: Tx, digests: Collection[str]) -> set[bytes]:
    found: set[bytes] = set()
    for digest in dict.fromkeys(digests):
        found.add(bytes.fromhex(digest))
        for names in names_in(inventories.manifest_of(tx, digest)).values():
            found.update(names)
    return found


def _forget_undecided(tx: Tx, before: float, limit: int) -> int:
    ids = [PlanId(one) for one in kept.undecided(tx, before, limit)]
    why = reason("plan.expired", days=round((tx.now - before) / DAY_S))
    return plans.supersede(tx, ids, why) if ids else 0


def _forget_audit(tx: Tx, before: float, limit: int) -> int:
    """Forget more at once than of others: each time leaves a checkpoint."""
    return kept.forget_audit(tx, before, 10 * limit)


def _rules(chosen: Settings) -> tuple[Rule, ...]:
    days = (
        ("undecided-plans", "plan_valid_days", "superseded when nobody ran them"),
        ("operations", "keep_operations_days", "that have ended, with their steps"),
        ("rollouts", "keep_operations_days", "rolling maintenances that have ended"),
        ("plans", "keep_plans_days", "whose life and whose operations are over"),
        ("measurements", "keep_measurements_days", "what steps took"),
        ("inventories", "keep_daily_inventories_days", "one a day; more of the last days"),
        ("loads", "keep_loads_days", "of each step"),
        ("daily-loads", "keep_daily_loads_days", "one a day, with percentiles"),
        ("events", "keep_events_days", "what happened"),
        ("letters", "keep_letters_days", "that notifications told, or gave up"),
        ("audit", "keep_audit_days", "who did what"),
        ("logins", "keep_logins_days", "failed ones, and those that are over"),
        ("requests", "keep_requests_days", "with an idempotency key"),
    )
    return tuple(
        Rule(kind, setting, getattr(chosen, setting) * DAY_S, meaning)
        for kind, setting, meaning in days
    )


_FORGETS: dict[str, kept.Forget] = {
    "undecided-plans": _forget_undecided,
    "operations": kept.forget_runs,
    "rollouts": kept.forget_rollouts,
    "plans": kept.forget_plans,
    "measurements": kept.forget_measurements,
    "loads": kept.forget_loads,
    "daily-loads": kept.forget_load_days,
    "events": kept.forget_events,
    "letters": kept.forget_letters,
    "audit": _forget_audit,
    "logins": kept.forget_logins,
    "requests": kept.forget_requests,
}

_MEASURES: dict[str, Callable[[Tx], Amount]] = {
    "undecided-plans": kept.measure_undecided,
    "operations": kept.measure_runs,
    "rollouts": kept.measure_rollouts,
    "plans": kept.measure_plans,
    "measurements": kept.measure_measurements,
    "inventories": kept.measure_inventories,
    "loads": kept.measure_loads,
    "daily-loads": kept.measure_load_days,
    "events": kept.measure_events,
    "letters": kept.measure_letters,
    "audit": kept.measure_audit,
    "logins": kept.measure_logins,
    "requests": kept.measure_requests,
}
