"""What one manager believes, by the product's own parts, and what it does about it."""

from msgspec.structs import replace

from anypool.engine.ha.charges import Charges, is_silent
from anypool.engine.ha.rounds import is_left_over, is_over
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.recollect import where_they_may_be
from anypool.engine.observing.vitals import Settled
from anypool.engine.runs.decision import Act, AskHuman, Done, Wait
from anypool.model import (
    VM_ALIVE,
    VM_DOWN,
    Frame,
    HostId,
    Inventory,
    PowerOff,
    Vm,
    VmState,
)
from anypool.planner.ha.astray import Astray, Last, seen_to_the_end
from anypool.store import Store, ha
from anypool.store.records import LastKnown
from tests.simulation.small import moving
from tests.simulation.small.moving import Move
from tests.simulation.small.world import HOSTS, STOPPED, World
from tests.unit.engine_kit import V1, host, vm
from tests.unit.test_engine_merge import endpoint


class Manager:
    """One manager after the other: `restart` forgets what is not written down."""

    def __init__(self, world: World, store: Store) -> None:
        self.world = world
        self._store = store
        with store.writing() as tx:
            ha.stopped(tx, V1)
        self.charges = Charges(store)
        self.move: Move | None = None
        self.left: set[HostId] = set()
        self._saved = LastKnown(hosts=tuple(host(one) for one in HOSTS))
        self.restart()

    def restart(self) -> None:
        """Begin anew, by what was written down."""
        self.picture = Picture(Ours())
        with self._store.reading() as tx:
            charges = ha.charges(tx)
        left = [(V1, one) for one in self.left]
        vms = where_they_may_be(self._saved, left, charges)
        self.picture.remember(replace(self._saved, vms=vms))
        self.charges.begin()
        if self.move is not None:
            self.move.began_here, self.move.last = False, None
        self._told: dict[HostId, float] = {}
        self._asked: dict[HostId, float] = dict.fromkeys(HOSTS, 0.0)
        self.proven: set[HostId] = set()

    @property
    def inventory(self) -> Inventory:
        return self.picture.inventory

    @property
    def known(self) -> Vm | None:
        return self.inventory.vms.get(V1)

    def hears(self, place: HostId) -> bool:
        return self.picture.current(endpoint(place).id)

    def told_s_ago(self, place: HostId) -> float:
        return self.world.now - self._told.get(place, 0.0)

    def poll(self, place: HostId) -> None:
        """Ask a host how it is."""
        if not self.world.answers(place) or self.world.died_at.get(place, 0.0) > self._asked[place]:
            self.picture.lose(endpoint(place).id)  # also of one that is back: its connection broke
            self.charges.miss(endpoint(place).id)
        self._asked[place] = self.world.now
        if not self.world.answers(place):
            return
        self.proven.discard(place)
        found = self.world.copies.get(place)
        vms = () if found is None else (replace(vm(V1, place, found[0]), reason=found[1]),)
        frame = Frame(full=True, hosts=(host(place),), vms=vms)
        ours = frozenset() if self.move is None else frozenset({V1})
        self.picture.apply(endpoint(place), frame, self.picture.moment(), ours)
        self._told[place] = self.world.now

    def prove(self, place: HostId) -> None:
        """Read the power of a silent host twice."""
        if place in self.world.off and not self.hears(place):
            self.proven.add(place)

    def save(self) -> None:
        """Write down what is known."""
        vms = tuple(self.inventory.vms.values())
        self._saved = replace(self._saved, vms=vms, seen_at={V1: self.world.now})

    def look(self) -> None:
        """Look as the guard does: what is to run, what was lost, and start that if it may be."""
        self.charges.settle()
        self.charges.look(frozenset(HOSTS), self.inventory, self.world.now)
        if V1 in self.charges.lost(HOSTS, self.inventory) and self.move is None:
            self._start_again()
        self._tidy()

    def _last(self, place: HostId) -> Last:
        off = self.world.off.get(place, 0.0)
        if place not in self.proven:
            return Last(told_at=self._told.get(place, 0.0))
        proof = PowerOff(host=place, first_at=off + 0.1, at=off + 2.0)
        return Last(self._told.get(place, 0.0), proof.first_at, proof)

    def astray(self) -> set[HostId]:
        """Return silent hosts without a proof on which the VM may run that nobody saw end."""
        known = self.known
        assert known is not None
        found = Astray(self.inventory, self._last, self.world.now).may_run_on(known)
        return set(found) - self.proven

    def places(self) -> set[HostId]:
        known = self.known
        assert known is not None
        return {one for one in (known.host, *(copy.host for copy in known.copies)) if one}

    def _start_again(self) -> None:
        known = self.known
        charge = self.charges.get(V1)
        assert known is not None
        assert charge is not None
        doubtful = {one for one in self.places() | self.left | {charge.host} if self._silent(one)}
        if (doubtful | self.astray()) - self.proven:
            return
        at_home = known.host is not None and known.state in VM_DOWN and self.hears(known.host)
        target = known.host if at_home else next(filter(self.hears, HOSTS), None)
        if target is None:
            return
        self.find(known)
        for place in (target, *sorted(self.places() - {target})):
            self.poll(place)
        if self.may_start(target):
            dead = {one for one in self.places() if self._silent(one)}
            self.left |= dead
            self.charges.tried((V1,), self.world.now)
            self.started(target)

    def find(self, known: Vm) -> None:
        """Read whoever answers and may have been given it since, as the eyes of a run do."""
        if seen_to_the_end(known, self._last, self.world.now):
            return
        able = self.picture.unread(known)
        for place in HOSTS:
            if known.state is VmState.UNKNOWN or able.get(endpoint(place).id):
                self.poll(place)

    def may_start(self, target: HostId) -> bool:
        """Return whether what was just read lets a VM start: as the eyes of a run see it."""
        known = self.known
        if known is None or not self.hears(target) or known.state in VM_ALIVE:
            return False
        if any(copy.state in VM_ALIVE for copy in known.copies):
            return False
        silent = {one for one in self.places() if self._silent(one)}
        return not (silent | self.astray()) - self.proven

    def started(self, target: HostId) -> None:
        """Start it, which is written down with the step once it is seen to run."""
        self.world.start(target)
        self.poll(target)
        with self._store.writing() as tx:
            ha.moved(tx, V1, target)
            ha.started(tx, V1, target)
        self.charges.hear([Settled(vm=V1, host=target, started_at=self.world.now)])

    def stop(self) -> bool:
        """Stop it for somebody where it is known to run; return whether that was done."""
        known = self.known
        if known is None or known.host is None or known.state is not VmState.RUNNING:
            return False
        for place in sorted(self.places()):
            self.poll(place)
        if self.move is not None or self.world.runs_on() != [known.host]:
            return False
        if not self.world.answers(known.host):
            return False
        with self._store.writing() as tx:
            ha.stopped(tx, V1)
        self.charges.hear([Settled(vm=V1, host=None, begun=True)])
        self.world.copies[known.host] = STOPPED
        self.world.stopped = self.world.free = True
        self.poll(known.host)
        self.charges.hear([Settled(vm=V1, host=None)])
        return True

    def begin_move(self, target: HostId, *, held: bool) -> bool:
        """Migrate it from where it is known to run; return whether that was begun."""
        if self.move is None:
            self.move = moving.begun(self, target, held=held)
        return self.move is not None

    def end_move(self) -> None:
        """Look at both ends of the migration, and close its step if that says how it ended."""
        move = self.move
        if move is None:
            return
        decision = moving.looked(self, move)
        if isinstance(decision, Wait | Act):
            return
        if isinstance(decision, Done) and decision.message is None:
            with self._store.writing() as tx:
                ha.moved(tx, V1, move.action.target)
            self.charges.hear([Settled(vm=V1, host=move.action.target)])
        elif not isinstance(decision, Done):
            self.left |= set(move.ends)
            self.world.free |= isinstance(decision, AskHuman)
        self.move = None

    def _silent(self, place: HostId) -> bool:
        return is_silent(place, self.inventory)

    def _tidy(self) -> None:
        for place in sorted(self.left):
            if is_over(V1, place, self.inventory):
                self.left.discard(place)
            elif self.move is None and is_left_over(V1, place, self.inventory):
                self.poll(place)
                if self.hears(place) and self.world.is_down(place):
                    del self.world.copies[place]
                    self.poll(place)
