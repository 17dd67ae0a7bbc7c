"""The real engine and guard under simulated time, in a world whose hosts have BMCs."""

from collections.abc import Callable, Iterator
from pathlib import Path

from anypool.drivers.sim import BmcMood, Shape
from anypool.engine import Engine
from anypool.engine.ha.guard import Guard
from anypool.errors import AnypoolError
from anypool.model import (
    Endpoint,
    HighAvailability,
    Host,
    HostId,
    Level,
    Policy,
    PolicyId,
    Stated,
    VmId,
    WatchdogKind,
)
from anypool.planner.ha.detect import Path as Way
from anypool.planner.ha.detect import Word
from anypool.service.access import Principal
from anypool.service.failures import Failures
from anypool.service.ha import Ha
from anypool.store import act
from anypool.store.records import Role
from tests.simulation.yard import Crashing, Yard

SHAPE = Shape(hosts=5, vms=10, running_percent=100, ours_percent=100, locks=False)
"""Disks without locks: nothing but anypool keeps a VM from running twice."""
RULE = HighAvailability(
    level=Level.AUTOMATIC, silent_s=6, power_every_s=3, cold_s=15, fences_within_s=60
)


class HaYard(Yard):
    """A yard with a guard; hosts are read every few seconds, as their loops would."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 1,
        shape: Shape = SHAPE,
        rule: HighAvailability = RULE,
        watchdog: WatchdogKind | None = None,
    ) -> None:
        self.rule = rule
        self.on_data_network = True
        super().__init__(folder, seed=seed, shape=shape)
        self.hosts = sorted(self.engine.inventory.hosts)
        for host in self.hosts:
            self.world.set_bmc(host, BmcMood.WORKS)
            if watchdog is not None:
                self.world.set_warden(host, watchdog)
        policy = Policy(id=PolicyId("ha"), scope="pool = default", rule=rule)
        self.engine.policies.put(policy, "ada", new=True)
        self.guard.round()

    def _boot(self) -> tuple[Crashing, Engine]:
        store, engine = super()._boot()
        self.guard = Guard(engine, store, self.clock)  # type: ignore[arg-type]
        self.guard.submit = self._later
        self.guard.patients.agents.submit = self._later
        self.guard.knock = self._knock
        return store, engine

    def _later(self, task: Callable[[], object]) -> None:
        def done() -> None:
            task()

        self.crew.submit(done)

    def _knock(self, host: Host, endpoint: Endpoint) -> tuple[tuple[Way, Word], ...]:
        if not self.on_data_network:
            return ()
        word = Word.ANSWERS if self.world.hears(host.id) else Word.SILENT
        return ((Way.DATA, word),)

    def look(self) -> None:
        """Read every host, as their loops do, one after the other in any order."""
        hosts = list(self.hosts)
        self.chance.shuffle(hosts)
        for host in hosts:
            try:
                self.engine.observe_now(host)
            except AnypoolError:
                continue

    def work(self) -> None:
        """Let everything happen that is due now."""
        for _ in range(2000):
            if self.crew.tasks:
                self.crew.work()
            elif self.engine.turn() > 0 and not self.crew.tasks:
                return
        raise AssertionError("it does not settle")

    def second(self, seconds: float = 1.0) -> None:
        """Let a second pass, in which the hosts are read and the guard looks."""
        self.clock.advance(seconds)
        self.look()
        self.work()
        self.guard.round()
        self.work()

    def pass_(self, seconds: float, done: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass until something is so; return whether it is."""
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            if done():
                return True
            self.second()
        return done()

    def warm(self) -> None:
        """Let the cold start pass."""
        self.pass_(self.rule.cold_s + 2)

    def all_run(self) -> bool:
        """Return whether all that ran once runs now; by the world itself."""
        return self.where().keys() == self.running.keys()

    def on(self, host: HostId) -> frozenset[VmId]:
        """Return what runs on a host; by the world itself."""
        return frozenset(vm for vm, there in self.where().items() if there == host)

    def busiest(self) -> HostId:
        """Return the host on which most runs."""
        return max(self.hosts, key=lambda host: (len(self.on(host)), host))

    def codes(self, host: HostId) -> tuple[str, str]:
        """Return what the guard thinks of a host: its condition, and what is decided and why."""
        (found,) = (one for one in self.guard.standing() if one.host == host)
        decision = found.decision
        why = getattr(decision, "why", None)
        kind = type(decision).__name__
        return str(found.verdict.condition), kind if why is None else f"{kind} {why.code}"

    def say_dead(self, host: HostId, words: str = "the rack burnt") -> Stated:
        """Let a person say that a host is dead; raise what the use case raises."""
        person = Principal(name="ada", role=Role.OPERATOR, proof="session")
        cases = Ha(self.engine, self.store, self.guard, Failures(self.engine))  # type: ignore[arg-type]
        try:
            return cases.confirm_dead(person, host, words)
        finally:
            act.begin(None)


def guarded(folder: Path, rule: HighAvailability = RULE) -> Iterator[HaYard]:
    """Yield a yard in which everything runs; check at the end that nothing ran twice."""
    made = HaYard(folder, rule=rule)
    made.warm()
    yield made
    made.check_safe()
    made.close()
