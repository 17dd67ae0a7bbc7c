"""Profiles whose move failed are put back to where they were, once.

Which moves failed is read from the journal, so that a manager that was killed meanwhile, or
another one, knows it too. A move that a person cancelled, or that waits for one, is left alone,
and so is a profile that somebody moved since.
"""

import logging

import msgspec

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.threads import Looking
from anypool.engine.unasked import begin
from anypool.errors import AnypoolError, Busy
from anypool.model import PlanId, ProfileId, RunId
from anypool.plan import Reason, reason, say, why_of
from anypool.planner.profiles.wishes import MoveProfile, PutBack
from anypool.planner.wish import decode_inputs
from anypool.planner.wishes import AnyWish
from anypool.store import Store, Tx, events, planinputs, runs
from anypool.store.pages import Ask
from anypool.store.records import EventRecord, RunRecord, RunState, Severity

log = logging.getLogger(__name__)

BY = "put-back"
"""Who asks for what puts a profile back."""
EVERY_S = 1.0
OLD_S = 3600.0
"""A move that failed longer ago is a person's."""
_MOST = 50


class Returning(Looking):
    """Looks at moves that failed while this manager leads."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        super().__init__("returning", clock)
        self._engine = engine
        self._store = store
        self._clock = clock
        self._judged: set[RunId] = set()

    def round(self) -> float:
        """Put back what is to be; return the seconds until the next time."""
        if not self._engine.leads:
            self._judged.clear()
            return EVERY_S
        if not self._engine.inventory.profiles:
            return EVERY_S
        for run, wish in self._failed():
            try:
                self._back(run, wish)
            except Busy:
                continue  # another run works with it: the next look sees what came of that
            self._judged.add(run.id)
        return EVERY_S

    def _failed(self) -> list[tuple[RunRecord, MoveProfile]]:
        """Return the moves that failed of late and were not put back."""
        with self._store.reading() as tx:
            failed = runs.list_runs(tx, Ask(limit=_MOST), states=(RunState.FAILED,)).items
            since = self._clock.now() - OLD_S
            new = [one for one in failed if one.id not in self._judged and one.ended_at > since]
            if not new:
                return []
            some = runs.list_runs(tx, Ask(limit=_MOST)).items
            returns = [_wish(tx, one.plan) for one in some if one.by == BY]
            done = {one.of for one in returns if isinstance(one, PutBack)}
            wishes = [(one, _wish(tx, one.plan)) for one in new]
        found = []
        for run, wish in wishes:
            if isinstance(wish, MoveProfile) and wish.home is not None and run.plan not in done:
                found.append((run, wish))
            else:
                self._judged.add(run.id)
        return found

    def _back(self, run: RunRecord, wish: MoveProfile) -> None:
        assert wish.home is not None
        profile = self._engine.inventory.profiles.get(wish.profile)
        if profile is None or self._went_on(wish.profile, run):
            return
        back = PutBack(profile=wish.profile, home=wish.home, of=run.plan, seen=wish.seen)
        try:
            plan = begin(self._engine, back, BY, self._engine.inventory)
        except Busy:
            raise
        except AnypoolError as error:
            self._tell(wish, reason("back.not", profile=profile.name, why=why_of(error)))
            return
        if plan is not None:
            self._tell(wish, reason("back.begun", profile=profile.name, plan=plan))

    def _went_on(self, profile: ProfileId, run: RunRecord) -> bool:
        """Return whether somebody gave or took the profile since: then it is where they want it."""
        history = self._engine.servers.profiles.history(profile)[:1]
        return any(max(one.began_at, one.ended_at) > run.ended_at for one in history)

    def _tell(self, wish: MoveProfile, why: Reason) -> None:
        told = EventRecord(
            kind="profile.put-back",
            message=say(why),
            said=why,
            severity=Severity.WARNING,
            subject_kind="profile",
            subject_id=wish.profile,
            by=BY,
        )
        with self._store.writing() as tx:
            events.append(tx, told)


def _wish(tx: Tx, plan: PlanId) -> AnyWish | None:
    """Return what a plan was made of, None where that is not kept or not understood."""
    stored = planinputs.get(tx, plan)
    if stored is None:
        return None
    try:
        return decode_inputs(stored.body).wish
    except (AnypoolError, msgspec.MsgspecError) as error:
        log.warning("%s: %s", plan, error)
        return None
