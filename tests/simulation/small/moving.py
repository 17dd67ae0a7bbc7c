"""What the manager makes of a migration, by the product's own judgement of what it sees."""

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from anypool.engine.runs import migration
from anypool.engine.runs.alone import must_be_alone
from anypool.engine.runs.decision import Act, Decision, Deed, Memory, Wait
from anypool.engine.runs.look import Trail, judge
from anypool.engine.runs.migration import Times
from anypool.engine.runs.sight import Seen, Sight
from anypool.model import HostId, Job
from anypool.plan import MigrateVm
from tests.simulation.small.flight import Flight
from tests.unit.engine_kit import V1

if TYPE_CHECKING:
    from tests.simulation.small.manager import Manager

TIMES = Times(settle_s=5.0, stall_s=45.0)


class Move(Struct):
    """A migration of ours that is not at its end by the records, with what a step remembers."""

    action: MigrateVm
    flight: Flight
    memory: Memory
    began_here: bool = True
    last: Decision | None = None
    since: float = 0.0

    @property
    def ends(self) -> tuple[HostId, HostId]:
        return self.action.target, self.action.source


def begun(manager: "Manager", target: HostId, *, held: bool) -> Move | None:
    """Return a migration that was sent, None where a look forbids it."""
    source = None if manager.known is None else manager.known.host
    if source is None or source == target:
        return None
    action = MigrateVm(vm=V1, source=source, target=target)
    sight = _look(manager, action, None)
    decision = judge(action, sight, Trail(tag="t"), TIMES)
    if not (isinstance(decision, Act) and decision.deed is Deed.PERFORM):
        return None
    if manager.world.runs_on() != [source] or not manager.world.is_down(target):
        return None
    flight = Flight(manager.world, source, target, held=held)
    return Move(action, flight, Memory(sent=True, held=held))


def looked(manager: "Manager", move: Move) -> Decision:
    """Look at both ends, and return what is decided once that has lasted; do what is to be done."""
    job = None
    if manager.world.answers(move.action.source):
        job = move.flight.job(began_here=move.began_here)
    sight = _look(manager, move.action, job)
    pair = (sight.at(move.action.source).copy, sight.at(move.action.target).copy)
    others = (seen.copy for seen in sight.elsewhere(*move.ends))
    move.memory = migration.noted(pair, move.memory, others, job)
    decision = judge(move.action, sight, Trail(tag="t", memory=move.memory), TIMES)
    now = manager.world.now
    if _kind(decision) != _kind(move.last):
        move.since = now
    move.last = decision
    if not isinstance(decision, Wait) and now - move.since < decision.patience_s:
        return Wait()
    if isinstance(decision, Act):
        _do(manager, move, decision.deed)
        move.last = None
    return decision


def _kind(decision: Decision | None) -> tuple[object, ...]:
    return (type(decision), decision.deed if isinstance(decision, Act) else None)


def _look(manager: "Manager", action: MigrateVm, job: Job | None) -> Sight:
    """Read both ends and whoever else knows the VM, as the eyes of a run do."""
    known = manager.known
    if known is not None and must_be_alone(action, known, None):
        manager.find(known)
    places = dict.fromkeys((action.target, action.source, *sorted(manager.places())))
    seen = []
    for place in places:
        manager.poll(place)
        seen.append(_seen(manager, place))
    sight = Sight(inventory=manager.inventory, seen=tuple(seen), job=job)
    known = manager.known
    if known is not None and must_be_alone(action, known, job):
        sight = replace(sight, open=tuple(sorted(manager.astray())))
    others = sight.elsewhere(action.source, action.target)
    silent = (one.host for one in others if not one.answered and one.host not in manager.proven)
    return replace(sight, open=(*sight.open, *silent))


def _seen(manager: "Manager", place: HostId) -> Seen:
    if not manager.hears(place):
        return Seen(place, answered=False)
    found = manager.world.copies.get(place)
    return Seen(place, True) if found is None else Seen(place, True, *found)


def _do(manager: "Manager", move: Move, deed: Deed) -> None:
    world, (target, source) = manager.world, move.ends
    match deed:
        case Deed.RESUME_TARGET:
            world.resume(target)
        case Deed.RESUME_SOURCE:
            world.resume(source)
        case Deed.DISCARD_TARGET:
            world.discard(target)
            move.memory = replace(move.memory, never_ran=True)
        case Deed.DISCARD_SOURCE:
            world.discard(source)
        case Deed.PERFORM if world.runs_on() == [source] and world.is_down(target):
            move.flight = Flight(world, source, target, held=move.flight.held)
            move.memory = Memory(sent=True, held=move.flight.held)
            move.began_here = True
        case _:
            return
