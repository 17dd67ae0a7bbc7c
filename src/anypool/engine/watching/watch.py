"""The watch: looks at policies that yield plans, and makes, runs and drops their plans.

It is woken by changes of the pool and by time. What it must remember over a restart is in
the database: since when a policy's hosts are uneven, and the plans themselves with their
states. So a watch that is killed anywhere goes on where it was.
"""

import logging
import threading

from msgspec import Struct

from anypool.clock import Clock
from anypool.engine.engine import Engine
from anypool.engine.observing.board import Subscription
from anypool.engine.watching import powermarks
from anypool.engine.watching.powerwatch import PowerWatcher
from anypool.engine.watching.replenishing import Replenishing
from anypool.engine.watching.watcher import Look, Watcher
from anypool.errors import AnypoolError
from anypool.model import (
    WATCHED,
    HostId,
    Inventory,
    Policy,
    PolicyId,
    PowerSaving,
)
from anypool.model.policy import Replenish
from anypool.settings import Settings
from anypool.store import Store, facts
from anypool.store.records import Watched

log = logging.getLogger(__name__)

SETTLE_S = 2.0
"""A change wakes the watch after so long, so that many changes are one."""
NAP_S = 0.5
"""Between two looks at whether a person woke us."""
SHARE = 10
"""Between two rounds that changes caused lies this many times what the last one took."""


class _Seen(Struct, frozen=True):
    """What a policy was looked at with; the same again means the same again until `due`."""

    inventory: Inventory
    loads: object
    at: float
    due: float

    def holds(self, inventory: Inventory, loads: object, now: float, every_s: float) -> bool:
        """Return whether another look would see the same; loads count every so often only."""
        if now >= self.due or self.inventory is not inventory:
            return False
        return self.loads is loads or now < self.at + every_s


class Watch:
    """Looks at policies that yield plans, one round at a time, only while this manager leads."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, settings: Settings) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._every_s = settings.watch_every_s
        self._watcher = Watcher(engine, store, clock)
        self._power = PowerWatcher(engine, store, clock)
        self.replenishing = Replenishing(engine, store, clock)
        self._power.latest = self.replenishing.latest = self._watcher.latest
        self.power_orders = self._power.orders
        self._seen: dict[PolicyId, _Seen] = {}
        self._turn = threading.Lock()
        self._known: tuple[Policy, ...] = ()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread: threading.Thread | None = None
        self.looks = 0

    def start(self) -> None:
        """Begin to watch, on a thread of its own."""
        self._stopping.clear()
        self.replenishing.start()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the look that is under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(30.0)
        self._thread = None
        self.replenishing.stop()

    def wake(self) -> None:
        """Look at everything anew, soon: a person decided something."""
        self._seen = {}
        self._woken.set()

    def standing(self, policy: PolicyId) -> Watched | None:
        """Return what is known of a policy, None if nothing is watched for it."""
        latest = self._watcher.latest.get(policy)
        if latest is not None:
            return latest
        with self._store.reading() as tx:
            return facts.watches.get(tx, policy)

    def round(self) -> float:
        """Look at every policy of which anything changed; return the seconds until it is time."""
        with self._turn:
            if self._engine.leads:
                self._round()
            else:
                self._seen, self._known = {}, ()
                self._watcher.latest.clear()
                self.replenishing.rest()
            dues = [one.due for one in self._seen.values()]
        return max(0.0, min([*dues, self._clock.now() + self._every_s]) - self._clock.now())

    def _round(self) -> None:
        powermarks.lift(self._engine)
        policies = self._engine.policies.all()
        watched = [one for one in policies if one.enabled and isinstance(one.rule, WATCHED)]
        if policies is not self._known:
            self._watcher.forget(frozenset(one.id for one in watched))
            self._seen, self._known = {}, policies
        claimed: dict[type, set[HostId]] = {}
        for policy in watched:
            taken = claimed.setdefault(type(policy.rule), set())
            hosts = self._hosts(policy) - taken
            taken |= hosts
            self._look(policy, frozenset(hosts))

    def _hosts(self, policy: Policy) -> frozenset[HostId]:
        bounds = self._engine.policies.bounds(self._engine.inventory)
        return next((one.hosts for one in bounds if one.policy == policy.id), frozenset())

    def _look(self, policy: Policy, hosts: frozenset[HostId]) -> None:
        inventory, loads = self._engine.inventory, self._engine.loads()
        seen = self._seen.get(policy.id)
        now = self._clock.now()
        if seen is not None and seen.holds(inventory, loads, now, self._every_s):
            return
        self.looks += 1
        try:
            with self._store.reading() as tx:
                before = facts.watches.get(tx, policy.id) or Watched(policy=policy.id)
            due = self._watcher_of(policy).look(Look(policy, hosts, inventory, before))
        except AnypoolError as error:
            log.warning("policy %s: %s", policy.id, error)
            due = now + self._every_s
        except Exception:  # one policy that cannot be looked at must not hide the others
            log.exception("policy %s", policy.id)
            due = now + self._every_s
        self._seen[policy.id] = _Seen(inventory, loads, now, due)

    def _watcher_of(self, policy: Policy) -> Watcher:
        if isinstance(policy.rule, PowerSaving):
            return self._power
        return self.replenishing if isinstance(policy.rule, Replenish) else self._watcher

    def _run(self) -> None:
        with self._engine.subscribe() as news:
            while not self._stopping.is_set():
                begun = self._clock.monotonic()
                left = self._every_s
                try:
                    left = self.round()
                except Exception:
                    log.exception("a round of the watch failed; it goes on")
                ended = self._clock.monotonic()
                self._clock.wait(self._stopping, max(SETTLE_S, SHARE * (ended - begun)))
                self._wait(news, ended + left)

    def _wait(self, news: Subscription, until: float) -> None:
        """Wait until something changed, somebody woke us, or it is time."""
        while not self._stopping.is_set() and self._clock.monotonic() < until:
            if self._woken.is_set() or news.get(NAP_S):
                break
        self._woken.clear()
