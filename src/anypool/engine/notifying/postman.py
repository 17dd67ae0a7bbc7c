"""The postman: looks for events that somebody is to be told of, and tells them.

It lives on threads of its own. Whoever writes an event neither knows nor waits for it, and a
slow receiver keeps nobody waiting but itself.
"""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from uuid import uuid4

from anypool.clock import Clock, backoff
from anypool.engine.engine import Engine
from anypool.engine.notifying.addresses import ranges
from anypool.engine.notifying.letters import SUBJECT, Before, wanted, written
from anypool.engine.notifying.sending import deliver, target_of
from anypool.engine.threads import LookingAtMany
from anypool.errors import AnypoolError, NotFound, Rejected
from anypool.model import Notification, NotificationId, Receiver
from anypool.settings import Settings
from anypool.store import Store, Tx, events, notify, secrets
from anypool.store.notify import Known, Letter, LetterState
from anypool.store.records import EventRecord, Severity

log = logging.getLogger(__name__)

EVERY_S = 1.0
FIRST_S, LONGEST_S = 5.0, 900.0
"""How long a receiver rests that did not take a letter; it doubles."""
AT_ONCE = 16
"""Receivers that are spoken to at one time."""
MOST = 100
"""Rules there may be."""
_BATCH = 500
_IN_A_ROW = 20


class Postman(LookingAtMany):
    """One look at a time, while this manager leads; one letter at a time to each receiver."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, settings: Settings) -> None:
        super().__init__("notify", clock, AT_ONCE)
        self._engine = engine
        self._store = store
        self._allowed = ranges(settings.notify_allow)
        self._give_up_s = settings.notify_give_up_h * 3600.0
        self._turn = threading.Lock()
        self._busy: set[NotificationId] = set()
        self._looked: dict[NotificationId, int] = {}

    def round(self) -> float:
        """Write the letters of new events and send those that are due; return when to look."""
        if not self._engine.leads:
            self._looked.clear()
            return EVERY_S
        with self._store.reading() as tx:
            rules = notify.all_(tx)
            due = notify.due(tx) if rules else frozenset()
        if rules:
            self._write(rules)
            self._send(due)
        return EVERY_S

    def check(self, receiver: Receiver) -> None:
        """Return quietly if a receiver may be sent to; raise `Invalid` or `Unreachable`."""
        target_of(receiver, self._allowed)

    def tried(self, rule: Notification, letter: Letter) -> None:
        """Send a letter now, whatever else waits; raise what `deliver` raises."""
        with self._store.reading() as tx:
            secret, address = _hidden(tx, rule.id)
        deliver(letter, rule.receiver, secret, address, self._allowed)

    def _write(self, rules: tuple[Known, ...]) -> None:
        """Keep the letters of events that were not looked at yet."""
        marks = {one.rule.id: self._mark(one) for one in rules}
        with self._store.reading() as tx:
            found = events.since(tx, min(marks.values()), _BATCH)
        if not found:
            return
        inventory, now = self._engine.inventory, self._engine.now()
        last = found[-1].number
        for one in rules:
            fresh = [event for event in found if event.number > marks[one.rule.id]]
            if chosen := wanted(one.rule, fresh, inventory, now):
                self._keep(one.rule, chosen, last)
            elif last - one.standing.seen > _BATCH:
                self._keep(one.rule, (), last)
            self._looked[one.rule.id] = max(last, marks[one.rule.id])
        self._woken.set()

    def _mark(self, one: Known) -> int:
        return max(one.standing.seen, self._looked.get(one.rule.id, 0))

    def _keep(self, rule: Notification, chosen: Sequence[EventRecord], last: int) -> None:
        """Keep letters, and in the same transaction how far they reach."""
        with self._store.writing() as tx:
            known = notify.get(tx, rule.id)
            if known is None:
                return
            failing = known.standing.failures > 0
            before = Before(
                lately=notify.lately(tx, rule.id, rule.window_s),
                gathering=notify.gathering(tx, rule.id, whole=failing),
                failing=failing,
            )
            made = written(rule, chosen, before, tx.now, lambda: f"msg_{uuid4().hex}")
            notify.put(tx, made)
            notify.set_standing(tx, rule.id, seen=last)

    def _send(self, due: frozenset[NotificationId]) -> None:
        with self._turn:
            begun = sorted(due - self._busy)
            self._busy.update(begun)
        for key in begun:
            self.submit(partial(self._deliver, key))

    def _deliver(self, key: NotificationId) -> None:
        """Send what is due to one receiver, until it fails."""
        try:
            for _ in range(_IN_A_ROW):
                if not self._engine.leads or not self._one(key):
                    return
            self._woken.set()
        except AnypoolError as error:
            log.warning("nothing is told to %s now: %s", key, error.in_full)
        finally:
            with self._turn:
                self._busy.discard(key)

    def _one(self, key: NotificationId) -> bool:
        """Send one letter; return whether to go on with the next."""
        with self._store.writing() as tx:
            known = notify.get(tx, key)
            letter = None if known is None else notify.take(tx, key)
            secret, address = _hidden(tx, key)
        if known is None or letter is None:
            return False
        try:
            deliver(letter, known.rule.receiver, secret, address, self._allowed)
        except Rejected as error:
            self._refused(known, letter, error.in_full)
            return True
        except AnypoolError as error:
            self._failed(known, letter, error.in_full)
            return False
        self._sent(known, letter)
        return True

    def _sent(self, known: Known, letter: Letter) -> None:
        key = known.rule.id
        with self._store.writing() as tx:
            _end(tx, letter, LetterState.SENT)
            fresh = {"failures": 0, "failing_since": 0.0, "due_at": 0.0, "error": ""}
            notify.set_standing(tx, key, worked_at=tx.now, **fresh)
            if known.standing.failures:
                _event(tx, key, "notify.working", f"{key} is told of events again", Severity.INFO)

    def _refused(self, known: Known, letter: Letter, why: str) -> None:
        """Give up a letter that its receiver will never take."""
        with self._store.writing() as tx:
            _end(tx, letter, LetterState.DEAD, why)
            _gave_up(tx, known.rule.id, 1, why)

    def _failed(self, known: Known, letter: Letter, why: str) -> None:
        """Let a receiver rest, longer each time; give up what waited for too long."""
        key, failures = known.rule.id, known.standing.failures
        with self._store.writing() as tx:
            notify.change(tx, letter, error=why)
            notify.set_standing(
                tx,
                key,
                failures=failures + 1,
                failing_since=known.standing.failing_since or tx.now,
                due_at=tx.now + backoff(FIRST_S, LONGEST_S, failures),
                error=why,
            )
            if not failures:
                text = f"{key} cannot be told of events: {why}"
                _event(tx, key, "notify.failing", text, Severity.WARNING)
            if gone := notify.give_up(tx, key, tx.now - self._give_up_s, why):
                _gave_up(tx, key, gone, why)


def known_rule(tx: Tx, key: str) -> Known:
    """Return a rule and how it stands; raise `NotFound`."""
    for one in notify.counted(tx):
        if one.rule.id == key:
            return one
    hint = "`anypool notify list` shows them"
    raise NotFound(f"there is no notification {key[:80]!r}", hint=hint)


def _hidden(tx: Tx, key: NotificationId) -> tuple[str, str]:
    owner = notify.owner(key)
    return secrets.get(tx, owner, notify.SECRET), secrets.get(tx, owner, notify.ADDRESS)


def _end(tx: Tx, letter: Letter, state: LetterState, why: str = "") -> None:
    notify.change(tx, letter, state=state, ended_at=tx.now, error=why)


def _gave_up(tx: Tx, key: NotificationId, count: int, why: str) -> None:
    text = f"{count} messages to {key} were given up: {why}"
    _event(tx, key, "notify.gave-up", text, Severity.ERROR)


def _event(tx: Tx, key: NotificationId, kind: str, message: str, severity: Severity) -> None:
    event = EventRecord(
        kind=kind, message=message, severity=severity, subject_kind=SUBJECT, subject_id=key
    )
    events.append(tx, event)
