"""What happens, by chance: hosts die, fall silent and come back, people and tools meddle."""

import random
from collections.abc import Callable

from anypool.clock import ManualClock
from anypool.model import HostId
from anypool.planner.ha.astray import SEEN_S
from anypool.store import Store
from tests.simulation.small.flight import Flight
from tests.simulation.small.manager import Manager
from tests.simulation.small.world import CRASHED, HOSTS, STOPPED, World, Wrong

Trace = Callable[[str], None]


class Story:
    """One story; the same number makes the same one."""

    def __init__(
        self, number: int, store: Store, clock: ManualClock, trace: Trace | None = None
    ) -> None:
        """`clock` is the store's as well."""
        self.chance = random.Random(number)
        self.world = World(clock)
        self._trace = trace
        self.manager = Manager(self.world, store)
        for place in HOSTS:
            self.manager.poll(place)
        self.manager.look()
        self.manager.save()

    def play(self, length: int = 14) -> None:
        """Let things happen, then end all trouble; raise `Wrong` if a promise is broken."""
        for _ in range(length):
            self.world.clock.advance(self.chance.choice((0.3, 2.0, 7.0, 40.0)))
            name = self.chance.choice(NAMES)
            if getattr(self, name)() is not False:
                self._tell(name)
            self._pass()
        self._end()

    def _pass(self) -> None:
        """Some hosts are asked, and the guard looks, or not yet."""
        if self.manager.move is not None:
            self.manager.move.flight.pass_()
        asked = [one for one in HOSTS if self.chance.random() < 0.6]
        self.chance.shuffle(asked)
        for place in asked:
            self.manager.poll(place)
        if self.chance.random() < 0.4:
            self.manager.end_move()
        if self.chance.random() < 0.7:
            self.manager.look()
        if self.chance.random() < 0.8:
            self.manager.save()
        self._tell(f"  {''.join(asked)}")
        if len(self.world.runs_on()) > 1:
            raise Wrong(f"twice: {self.world.runs_on()}")

    def _end(self) -> None:
        self._tell("end")
        self.world.cut.clear()
        self.world.off.clear()
        for _ in range(24):
            self.world.clock.advance(5.0)
            hosts = list(HOSTS)
            self.chance.shuffle(hosts)
            for place in hosts:
                self.manager.poll(place)
            if self.manager.move is not None:
                self.manager.move.flight.arrive(lost=False)
                self.manager.move.flight.pass_()
            self.manager.end_move()
            self.manager.look()
            self._tell("  all")
        runs = self.world.runs_on()
        self.world.free |= self.manager.move is not None  # a person is asked when it is late
        if not self.world.free and len(runs) != 1:
            raise Wrong(f"down: {self.world.copies}, charge {self.manager.charges.all()}")
        known = self.manager.known
        if runs and (known is None or known.host != runs[0]):
            raise Wrong(f"known otherwise than it is: {known}, {self.world.copies}")

    def _tell(self, what: str) -> None:
        if self._trace is not None:
            world, known = self.world, self.manager.known
            shown = known and (known.host, known.state.value, known.unseen,
                               [(one.host, one.state.value) for one in known.copies])  # fmt: skip
            copies = {place: copy[0].value for place, copy in world.copies.items()}
            charge = [one.host for one in self.manager.charges.all()]
            self._trace(
                f"{world.now % 10_000:8.1f} {what:12} {copies} off {sorted(world.off)} cut"
                f" {sorted(world.cut)} known {shown} charge {charge} move {self._flight()}"
            )

    def _flight(self) -> str:
        move = self.manager.move
        if move is None:
            return "none"
        flight = move.flight
        kind = "held" if flight.held else "free"
        return f"{flight.source}-{flight.target} {kind} {flight.ended} {type(move.last).__name__}"

    def _host(self) -> HostId:
        return self.chance.choice(HOSTS)

    # What happens; False is that it could not.

    def dies(self) -> bool:
        place = self._host()
        if place in self.world.off:
            return False
        self.world.die(place)
        return True

    def boots(self) -> bool:
        place = self._host()
        self.manager.proven.discard(place)  # whoever relies on a proof reads the power once more
        return self.world.off.pop(place, None) is not None

    def is_cut(self) -> bool:
        self.world.cut.add(self._host())
        return True

    def is_healed(self) -> bool:
        place = self._host()
        if place not in self.world.cut:
            return False
        self.world.cut.discard(place)
        return True

    def is_proven(self) -> bool:
        for place in HOSTS:
            self.manager.prove(place)
        return bool(self.world.off)

    def crashes(self) -> bool:
        runs = self.world.runs_on()
        if not runs or runs[0] in self.world.off:
            return False
        self.world.copies[runs[0]] = CRASHED
        return True

    def is_stopped_beside_us(self) -> bool:
        runs = self.world.runs_on()
        if not runs:
            return False
        self.world.copies[runs[0]] = STOPPED
        self.world.free = True
        return True

    def is_stopped(self) -> bool:
        return self.manager.stop()

    def moves_beside_us(self) -> bool:
        """Another tool moves it: to where that is heard, or from where nobody listens."""
        runs = self.world.runs_on()
        target = self._host()
        if not runs or runs[0] == target or self._flying() is not None:
            return False
        (source,) = runs
        if target in self.world.off or not self.world.is_down(target):
            return False
        heard = self.manager.hears(source) and self.world.answers(source)
        if not heard and self.manager.told_s_ago(source) <= SEEN_S:
            return False
        before = dict(self.world.copies)
        self.world.move(source, target, leaves=self.chance.random() < 0.5)
        if self.manager.hears(target) and (heard or self.chance.random() < 0.5):
            self.manager.poll(target)
        if heard:
            self.manager.poll(source)
            known = self.manager.known
            if known is not None and known.host == source and not known.unseen:
                self.world.copies = before
                self.manager.poll(target)
                self.manager.poll(source)
                return False
        return True

    def _flying(self) -> Flight | None:
        move = self.manager.move
        return None if move is None or move.flight.ended is not None else move.flight

    def moves(self) -> bool:
        if self.manager.move is not None:
            return False
        return self.manager.begin_move(self._host(), held=self.chance.random() < 0.7)

    def arrives(self) -> bool:
        """The memory is at the target, which says so, or that is lost."""
        if (flight := self._flying()) is None:
            return False
        flight.arrive(lost=self.chance.random() < 0.5)
        return True

    def fails(self) -> bool:
        if (flight := self._flying()) is None:
            return False
        flight.fail()
        return True

    def restarts(self) -> bool:
        self.manager.restart()
        return True


NAMES = (
    *("dies", "dies", "boots", "boots", "is_cut", "is_cut", "is_healed", "is_healed"),
    *("is_proven", "is_proven", "crashes", "is_stopped_beside_us", "is_stopped"),
    *("moves_beside_us",) * 4,
    *("moves", "moves", "arrives", "arrives", "fails", "restarts"),
)
