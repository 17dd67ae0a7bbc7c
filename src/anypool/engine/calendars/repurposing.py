"""Carrying calendars out: what is wanted now, the plan for it, and its run.

Each look does at most one thing and stores it, so that a manager that is killed anywhere goes on
with it. A change begins when another purpose is wanted; once it is settled nothing is done until
the next one, whatever people do meanwhile. What there is to decide is decided in `deciding`.
"""

import logging
import threading
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.calendars.book import Calendars, author, event_of
from anypool.engine.calendars.deciding import (
    TURNS,
    begun,
    is_new,
    runs_now,
    shown,
    stumbled,
    too_late,
)
from anypool.engine.calendars.heats import Heats
from anypool.engine.engine import Engine
from anypool.engine.records.archive import Origin
from anypool.engine.records.inputs import Also, keep
from anypool.engine.rollouts import resting
from anypool.engine.threads import Looking
from anypool.errors import AnypoolError, Busy, Conflict, NotFound, Unreachable
from anypool.model import HostId, Inventory, Level, PlanId
from anypool.model.calendar import Calendar, CalendarId
from anypool.plan import PlanState, Reason, reason, why_of
from anypool.plan.check import objections
from anypool.plan.managercheck import of_manager
from anypool.planner.repurpose.aim import Known, aim_of, holds_in, remembered, servers_of
from anypool.planner.repurpose.change import changed
from anypool.planner.repurpose.load import turned
from anypool.planner.repurpose.timeline import Stretch, stretch_at
from anypool.planner.rules import Rulebook
from anypool.planner.wish import Inputs, finished
from anypool.planner.wishes import Repurpose
from anypool.store import Store, Tx, calendars, events, plans, runs
from anypool.store.calendars import Standing
from anypool.store.records import PlanRecord, RunRecord, RunState

log = logging.getLogger(__name__)

EVERY_S = 1.0
IDLE_S = 10.0
POLL_S = 30.0
"""What is in the way is looked at again after so long."""
_WAITS = frozenset({PlanState.RECOMMENDED, PlanState.APPROVED})
_GOES_ON = frozenset({RunState.RUNNING, RunState.PAUSED})


class _Look(Struct, frozen=True):
    """A calendar, how it stands, what it wants now, and when that is."""

    calendar: Calendar
    standing: Standing
    stretch: Stretch
    now: float


class _Followed(Struct, frozen=True):
    plan: PlanRecord | None = None
    run: RunRecord | None = None


class Repurposing(Looking):
    """Looks at every calendar that is on, one look at a time, while this manager leads."""

    def __init__(self, engine: Engine, store: Store, clock: Clock) -> None:
        super().__init__("calendars", clock)
        self._engine = engine
        self._store = store
        self._clock = clock
        self._turn = threading.Lock()
        self._stretches: dict[CalendarId, tuple[Calendar, Stretch]] = {}
        self.heats = Heats(engine, clock)
        self.calendars = Calendars(engine, store)
        self.calendars.changed = self.wake

    def round(self) -> float:
        """Look at every calendar once; return the seconds until the next time."""
        with self._turn:
            if not self._engine.leads:
                self._stretches.clear()
                return IDLE_S
            found = [pair for pair in self.calendars.all() if _is_on(pair[0])]
            for calendar, standing in found:
                self._guarded(calendar, standing)
            return EVERY_S if found else IDLE_S

    def stretch(self, calendar: Calendar) -> Stretch:
        """Return what a calendar wants now; raise `Invalid` for a zone that is not there."""
        now, known = self._clock.now(), self._stretches.get(calendar.id)
        if known is not None and known[0] == calendar and known[1].begin <= now < known[1].end:
            return known[1]
        found = stretch_at(calendar, now)
        self._stretches[calendar.id] = (calendar, found)
        return found

    def _guarded(self, calendar: Calendar, standing: Standing) -> None:
        try:
            stretch, now = self.stretch(calendar), self._clock.now()
            self._look(_Look(calendar, standing, stretch, now))
        except AnypoolError as error:
            log.warning("calendar %s: %s", calendar.id, error)
            self._say(standing, why_of(error))
        except Exception:  # one that cannot be looked at must not hide the others
            log.exception("calendar %s", calendar.id)

    def _look(self, look: _Look) -> None:
        found = self._followed(look.standing)
        if found.run is not None:
            self._follow(look, found)
            return
        if is_new(look.standing, look.stretch):
            self._turn_to(look, found)
            return
        if not look.stretch.purpose:
            until = shown(look.calendar, look.stretch.end)
            self._say(look.standing, reason("calendar.as-is", until=until))
        elif look.standing.plan is not None:
            self._wait(look, found)
        elif self._on_load(look) or look.standing.settled:
            return
        elif look.now >= look.standing.due:
            self._plan(look)

    def _followed(self, standing: Standing) -> _Followed:
        """Return the plan of the change under way and its run, as far as there are any."""
        if standing.plan is None:
            return _Followed()
        with self._store.reading() as tx:
            try:
                plan = plans.readable(tx, standing.plan)
            except NotFound:
                return _Followed()
            return _Followed(plan, None if plan.run is None else runs.get_run(tx, plan.run))

    def _follow(self, look: _Look, found: _Followed) -> None:
        """Say how a run goes, and take note of its end."""
        assert found.plan is not None
        assert found.run is not None
        standing, run = look.standing, found.run
        if not standing.begun:
            memory = remembered(standing.memory, found.plan.plan)
            standing = self.calendars.put(replace(standing, begun=True, memory=memory))
        match run.state:
            case RunState.DONE:
                self._done(standing)
            case RunState.FAILED:
                why = run.said or reason("said", text=run.message)
                self._put_loud(stumbled(standing, why, look.now), "failed")
            case RunState.CANCELLED:
                said = reason("calendar.cancelled", run=run.id)
                ended = replace(standing, plan=None, begun=False, settled=True, said=said)
                self._put_loud(ended, "cancelled")
            case state if state in _GOES_ON:
                self._say(standing, reason("calendar.works", run=run.id))
            case _:
                why = run.said or reason("said", text=run.message)
                self._say(standing, reason("calendar.stuck", run=run.id, why=why), "waits")

    def _done(self, standing: Standing) -> None:
        """Take note that a change is done; what it could not reach is looked at once more."""
        said = reason("calendar.done", purpose=standing.purpose)
        done = replace(standing, plan=None, begun=False, attempts=0, due=0.0, said=said)
        self.calendars.put(done, "done")

    def _turn_to(self, look: _Look, found: _Followed) -> None:
        """Begin a new stretch: what waits for the one before is out of date."""
        new = begun(look.calendar, look.standing, look.stretch, look.now)
        if found.plan is not None:
            self._supersede(found.plan, look.stretch)
        self.calendars.put(new.standing, "wants", also=new.missed)

    def _supersede(self, plan: PlanRecord, stretch: Stretch) -> None:
        if plan.state in _WAITS:
            with self._store.writing() as tx:
                why = reason("calendar.over", purpose=stretch.purpose)
                plans.supersede(tx, (plan.id,), why)

    def _wait(self, look: _Look, found: _Followed) -> None:
        """Begin a plan that may begin now, or say what it waits for."""
        standing, plan = look.standing, found.plan
        if plan is None or plan.state not in _WAITS:
            rejected = plan is not None and plan.state is PlanState.CANCELLED
            why = None if plan is None else plan.said
            dropped = replace(standing, plan=None, settled=rejected, said=why)
            self.calendars.put(dropped)
        elif runs_now(look.calendar, plan.state):
            self._run(look, plan)
        else:
            self._say(standing, reason("calendar.waits", plan=plan.id))

    def _run(self, look: _Look, plan: PlanRecord) -> None:
        try:
            self._engine.run(plan.id, author(look.calendar.id))
        except (Busy, Unreachable) as error:
            self._say(look.standing, reason("calendar.busy", why=why_of(error)))
        except Conflict as error:
            again = replace(look.standing, plan=None, due=look.now + POLL_S)
            self._say(again, reason("calendar.busy", why=why_of(error)))

    def _on_load(self, look: _Look) -> bool:
        """Ask whether hosts are so busy, or idle, that a profile more or less is wanted."""
        standing, rule = look.standing, holds_in(look.calendar.on_load, look.stretch.purpose)
        if rule is None or not (standing.settled or standing.due):
            return False
        heat = self.heats.look(look.calendar.id, rule)
        found = turned(rule, standing.extra, heat, standing.turns)
        if found.extra == standing.extra:
            return False
        turns = (*standing.turns, look.now)[-TURNS:]
        moved = replace(standing, extra=found.extra, settled=False, due=0.0, turns=turns)
        self.calendars.put(replace(moved, said=found.why), "load")
        return True

    def _plan(self, look: _Look) -> None:
        """Plan the change to what is wanted, if nothing is in the way."""
        inventory = self._engine.inventory
        rules = self._engine.policies.rulebook(inventory)
        try:
            if (why := self._resting(look.calendar, inventory)) is not None:
                self._later(look, why)
                return
            self._make(look, inventory, rules)
        except AnypoolError as error:
            self._later(look, reason("calendar.no-plan", why=why_of(error)))

    def _make(self, look: _Look, inventory: Inventory, rules: Rulebook) -> None:
        calendar, standing = look.calendar, look.standing
        known = Known(inventory, self._engine.services.all(), standing.memory)
        aim = aim_of(calendar, standing.purpose, standing.extra, known)
        found = changed(inventory, aim, rules)
        lacks = tuple(reason("calendar.lacks", name=one.name, why=one.why)
                      for one in found.missing)  # fmt: skip
        if not found.plan.steps:
            self._nothing(look, lacks)
            return
        terms = self._engine.keeping.prices.terms(author(calendar.id), waive=calendar.waive)
        plan = finished(found.plan, terms, inventory, rules, self._engine.policies.outlook)
        against = objections(plan, inventory, rules.bounds) or of_manager(
            plan, inventory, self._engine.policies.own
        )
        if against:
            self._later(look, reason("watch.objected", objections=against[:3]))
            return
        if too_late(plan, look.stretch, look.now):
            said = reason("calendar.too-late", end=shown(calendar, look.stretch.end))
            self.calendars.put(replace(standing, settled=True, said=said), "late", loud=True)
            return
        inputs = Inputs(wish=Repurpose(aim=aim), policies=rules.policies, terms=terms)
        shadow = calendar.level is Level.SHADOW
        said = reason("calendar.planned", purpose=standing.purpose)
        if lacks:
            said = reason("calendar.planned-short", purpose=standing.purpose, lacks=lacks)
        made = replace(standing, settled=shadow, said=said)
        also = partial(_with_plan, made, keep(inputs, plan), shadow)
        state = PlanState.SHADOW if shadow else PlanState.RECOMMENDED
        self._engine.submit(plan, author(calendar.id), inventory, Origin(None, state, also))

    def _nothing(self, look: _Look, lacks: tuple[Reason, ...]) -> None:
        """Take note that all is as wanted, or that what is missing cannot be brought now."""
        if lacks:
            self._later(look, reason("calendar.short", lacks=lacks))
            return
        said = reason("calendar.settled", purpose=look.standing.purpose)
        self.calendars.put(replace(look.standing, settled=True, said=said), "settled")

    def _resting(self, calendar: Calendar, inventory: Inventory) -> Reason | None:
        hosts = [HostId(key) for key in servers_of(calendar, inventory)]
        with self._store.reading() as tx:
            return resting(tx, inventory, hosts)

    def _later(self, look: _Look, why: Reason) -> None:
        """Look again in a while; say why once."""
        kind = "" if look.standing.said == why else "waits"
        waits = replace(look.standing, due=look.now + POLL_S, said=why)
        self.calendars.put(waits, kind, loud=True)

    def _say(self, standing: Standing, why: Reason, kind: str = "") -> None:
        """Keep how a calendar stands, if that is news."""
        if standing.said != why:
            self.calendars.put(replace(standing, said=why), kind, loud=bool(kind))

    def _put_loud(self, standing: Standing, kind: str) -> None:
        self.calendars.put(standing, kind, loud=True)


def _is_on(calendar: Calendar) -> bool:
    return calendar.enabled and calendar.level is not Level.DISABLED


def _with_plan(standing: Standing, kept: Also, shadow: bool, tx: Tx, plan: PlanId) -> None:
    kept(tx, plan)
    begun = replace(standing, plan=None if shadow else plan)
    calendars.standings.put(tx, begun)
    said = reason("calendar.plan", plan=plan, purpose=standing.purpose)
    told = event_of(standing.calendar, "planned", said)
    events.append(tx, replace(told, plan=plan))
