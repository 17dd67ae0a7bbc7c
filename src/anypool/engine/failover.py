"""Watching over servers that bear a profile with fail-over: asked, judged, and failed over.

Each round judges from what is known; questions to BMCs and probes go out on a crew and are never
waited for. A manager that begins to lead knows of nobody that he works: only what it sees itself,
or what has had its profile for a while, may be found to have failed.
"""

import logging
import math
import threading
from collections.abc import Callable
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.observing.knock import knock
from anypool.engine.threads import LookingAtMany
from anypool.engine.unasked import begin
from anypool.errors import AnypoolError
from anypool.model import (
    Inventory,
    Level,
    Power,
    Probe,
    ProbeKind,
    Profile,
    ProfileId,
    Server,
    ServerId,
)
from anypool.plan import (
    ApplyProfile,
    JoinHost,
    Reason,
    VerifyServer,
    WithdrawProfile,
    reason,
    say,
    why_of,
)
from anypool.planner.ha.detect import Path, Word
from anypool.planner.profiles.moving import Virtual
from anypool.planner.profiles.vigil import Brake, Case, What, braked, judge
from anypool.planner.profiles.wishes import FailOver
from anypool.settings import Settings
from anypool.store import Store, events, plans, runs
from anypool.store.records import EventRecord, Severity

log = logging.getLogger(__name__)

BY = "failover"
"""Who asks for a fail-over that nobody asked for."""
EVERY_S = 0.5
SOON_S = 0.2
IDLE_S = 2.0
POWER_EVERY_S = 3.0
DOUBT_EVERY_S = 1.05
"""Between two questions about the power of one that does not seem to work."""
COLD_S = 30.0
AGAIN_S = 30.0
LONG_S = 600.0
"""Who has had a profile for so long has worked as it."""
_OF_PROFILE = ApplyProfile | WithdrawProfile | VerifyServer | JoinHost


class Standing(Struct, frozen=True, kw_only=True):
    """What is thought of the server that bears a profile, why, and what came of it."""

    profile: ProfileId
    server: ServerId
    what: What
    why: Reason
    said: Reason | None = None


class _Seen(Struct):
    """What was seen of one profile on its server, in one epoch.

    `since` is when it came there, by the records only if that was before this manager led.
    `by_itself` is whether a fail-over brought it.
    """

    epoch: int
    since: float
    by_itself: bool
    armed: bool = False
    answered_at: float = 0.0
    probed_at: float = 0.0
    power_at: float = 0.0
    tried_at: float = 0.0
    said: Reason | None = None
    told: str = ""


class Vigil(LookingAtMany):
    """Looks while this manager leads; `standing` is what is thought of each server.

    `virtual` says which VM may be a profile where no spare fits, None for none.
    """

    def __init__(self, engine: Engine, store: Store, clock: Clock, settings: Settings) -> None:
        super().__init__("failover", clock, at_once=8)
        self._engine = engine
        self._store = store
        self._limit_s = settings.failover_silent_s
        self._pause_s = settings.failover_pause_s
        self._vitals = engine.vitals
        self._seen: dict[ProfileId, _Seen] = {}
        self._begun: dict[ProfileId, float] = {}
        self._began_at = 0.0
        self._turn = threading.Lock()
        self.knock: Callable[[Probe, str], str] = knock
        self.virtual: Callable[[Profile, Inventory], Virtual | None] = lambda *_: None
        self.standing: dict[ProfileId, Standing] = {}

    def round(self) -> float:
        """Look at every watched server once; return the seconds until the next time."""
        with self._turn:
            if not self._engine.leads:
                self._seen, self.standing, self._began_at = {}, {}, 0.0
                return IDLE_S
            now, inventory = self._vitals.moments.now(), self._engine.inventory
            if not self._began_at:
                self._began_at, self._begun = now, dict.fromkeys(self._under_way(), now)
            watched = [one for one in inventory.profiles.values() if _is_watched(one)]
            # one that is between two servers is known on
            known = {key for key, one in inventory.profiles.items() if _is_guarded(one)}
            self._seen = {key: one for key, one in self._seen.items() if key in known}
            found = {one.id: self._judged(one, inventory, now) for one in watched}
            for profile in sorted(watched, key=lambda one: (one.name, one.id)):
                self._settle(profile, found, inventory, now)
            self.standing = found
            doubtful = any(one.what is not What.WELL for one in found.values())
            return SOON_S if doubtful else EVERY_S if watched else IDLE_S

    def _judged(self, profile: Profile, inventory: Inventory, now: float) -> Standing:
        """Return what is thought of the server of a profile, and have asked what is not known."""
        assert profile.server is not None
        seen = self._seen.get(profile.id)
        if seen is None or seen.epoch != profile.epoch:
            seen = self._seen[profile.id] = self._anew(profile, now, watched=seen is not None)
        server = inventory.servers.get(profile.server)
        power = self._power(profile.server, server)
        proven = self._vitals.off_proof(profile.server) is not None
        probed = profile.probe.kind is not ProbeKind.NONE
        case = Case(
            server=profile.server if server is None else server.name,
            power=power,
            proven=proven,
            probed=probed,
            silent_s=now - (seen.answered_at or self._began_at),
            interval_s=profile.probe.interval_s,
            armed=_armed(profile, seen, power, now),
            busy=self._is_busy(profile.id),
        )
        what, why = judge(case, self._limit_s)
        self._ask(profile, seen, what, now)
        return Standing(
            profile=profile.id, server=profile.server, what=what, why=why, said=seen.said
        )

    def _power(self, key: ServerId, server: Server | None) -> Power:
        """Return what was said of the power when it was asked for, else what was observed."""
        read = self._vitals.power(key)
        if read.asked_at:
            return {Word.ON: Power.ON, Word.OFF: Power.OFF}.get(read.word, Power.UNKNOWN)
        return Power.UNKNOWN if server is None else server.power

    def _anew(self, profile: Profile, now: float, *, watched: bool) -> _Seen:
        last = next(iter(self._engine.servers.profiles.history(profile.id)), None)
        since = now if watched or last is None else min(last.began_at, now)
        return _Seen(profile.epoch, since, by_itself=last is not None and last.by == BY)

    def _is_busy(self, key: ProfileId) -> bool:
        pending = self._engine.servers.profiles.pending()
        return any(isinstance(one, _OF_PROFILE) and one.profile == key for one in pending)

    def _ask(self, profile: Profile, seen: _Seen, what: What, now: float) -> None:
        """Have the power and the probe asked for where that is due."""
        assert profile.server is not None
        every_s = POWER_EVERY_S if what is What.WELL else DOUBT_EVERY_S
        if now - seen.power_at >= every_s or self._is_news(profile.server):
            seen.power_at = now
            self.submit(partial(_quietly, self._vitals.read_power, profile.server))
        probe = profile.probe
        if probe.kind is not ProbeKind.NONE and now - seen.probed_at >= probe.interval_s:
            seen.probed_at = now
            self.submit(partial(self._probe, profile, seen))

    def _is_news(self, key: ServerId) -> bool:
        """Return whether a server was observed to be off since its power was read as on."""
        server = self._engine.inventory.servers.get(key)
        off = server is not None and server.power is Power.OFF
        return off and self._vitals.power(key).word is Word.ON

    def _probe(self, profile: Profile, seen: _Seen) -> None:
        if not self.knock(profile.probe, profile.name) and profile.server is not None:
            seen.answered_at = self._vitals.moments.now()
            self._vitals.note(profile.server, Path.VMS, Word.ANSWERS, profile.name)

    def _settle(
        self, profile: Profile, found: dict[ProfileId, Standing], inventory: Inventory, now: float
    ) -> None:
        """Do what is to be done about one server, and tell of it once."""
        mine, seen = found[profile.id], self._seen[profile.id]
        if mine.what in (What.WELL, What.HOLD):
            if mine.what is What.WELL:
                seen.said, seen.told = None, ""
            return
        if mine.what is What.NEEDS_PROOF:
            self._tell(profile, seen, mine.why, Severity.WARNING)
        elif (why := braked(self._brake(profile, found, inventory, now))) is not None:
            seen.said = why
            self._tell(profile, seen, why, Severity.WARNING)
        elif profile.failover is Level.MANUAL:
            seen.said = reason("vigil.proposed", server=_name(inventory, mine.server))
            self._tell(profile, seen, seen.said, Severity.WARNING)
        elif now - seen.tried_at >= AGAIN_S:
            seen.tried_at = now
            seen.said = self._begin(mine.server, profile, inventory)
            if seen.said.code == "watch.runs":
                self._begun[profile.id] = now
            self._tell(profile, seen, seen.said, Severity.WARNING)
        found[profile.id] = replace(mine, said=seen.said)

    def _brake(
        self, profile: Profile, found: dict[ProfileId, Standing], inventory: Inventory, now: float
    ) -> Brake:
        peers = [one for one in inventory.profiles.values() if one.pool == profile.pool]
        mine = [found[one.id] for one in peers if one.id in found]
        dark = sum(one.what in (What.FAILED, What.NEEDS_PROOF) for one in mine)
        recent = sum(self._failed_over(one.id, now) for one in peers)
        cold_s = COLD_S - (now - self._began_at)
        return Brake(
            watched=len(mine), dark=dark, recent=recent, within_s=self._pause_s, cold_s=cold_s
        )

    def _failed_over(self, key: ProfileId, now: float) -> bool:
        """Return whether a fail-over of a profile was begun by itself, or ended, of late."""
        seen = self._seen.get(key)
        ended = seen is not None and seen.by_itself and now - seen.since < self._pause_s
        return ended or now - self._begun.get(key, -math.inf) < self._pause_s

    def _under_way(self) -> list[ProfileId]:
        """Return which profiles are failed over by themselves, begun by whoever led before."""
        found = []
        with self._store.reading() as tx:
            for run in runs.unfinished(tx):
                if run.by == BY:
                    steps = plans.readable(tx, run.plan).plan
                    found += [s.action.profile for s in steps if isinstance(s.action, ApplyProfile)]
        return found

    def _begin(self, server: ServerId, profile: Profile, inventory: Inventory) -> Reason:
        """Plan and run a fail-over; return what came of it."""
        try:
            wish = FailOver(server=server, virtual=self.virtual(profile, inventory))
            plan = begin(self._engine, wish, BY, inventory)
        except AnypoolError as error:
            return reason("vigil.no-plan", why=why_of(error))
        return reason("watch.runs", plan=plan or "")

    def _tell(self, profile: Profile, seen: _Seen, why: Reason, severity: Severity) -> None:
        """Write an event, once for each reason."""
        if seen.told == why.code:
            return
        seen.told = why.code
        told = EventRecord(
            kind="profile.failover",
            message=f"{profile.name}: {say(why)}",
            severity=severity,
            subject_kind="profile",
            subject_id=profile.id,
            by=BY,
        )
        with self._store.writing() as tx:
            events.append(tx, told)


def _armed(profile: Profile, seen: _Seen, power: Power, now: float) -> bool:
    """Return whether a server was seen to work as the profile, or must have long since."""
    if not seen.armed:
        probed = profile.probe.kind is not ProbeKind.NONE
        works = bool(seen.answered_at) if probed else power is Power.ON
        seen.armed = works or now - seen.since > LONG_S
    return seen.armed


def _is_watched(profile: Profile) -> bool:
    return profile.machine is not None and _is_guarded(profile)


def _is_guarded(profile: Profile) -> bool:
    return profile.failover is not Level.DISABLED


def _quietly(ask: Callable[[ServerId], Power], server: ServerId) -> None:
    ask(server)


def _name(inventory: Inventory, key: ServerId) -> str:
    server = inventory.servers.get(key)
    return key if server is None else server.name
