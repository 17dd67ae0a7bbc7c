"""A silent host is listened for on every path: by ourselves, by its neighbours, by its VMs."""

from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.engine.ha.ears import KNOCK_S, NEIGHBOURS, Ears, neighbours
from anypool.engine.ha.knocks import doors
from anypool.engine.observing.vitals import Vitals
from anypool.model import (
    Capability,
    Component,
    Endpoint,
    EndpointId,
    Host,
    HostId,
    HostState,
    Inventory,
    Probe,
    ProbeKind,
    Reach,
    Service,
    ServiceId,
    VmCopy,
    VmState,
)
from anypool.planner.ha.detect import Path, Word
from tests.strategies import pool, vm

SILENT, NEAR, FAR, OTHER = (HostId(f"h{n}") for n in range(4))
ENDPOINT = Endpoint(
    id=EndpointId("e-h0"), driver="libvirt", uri="qemu+tls://10.0.0.10/system", pool="default"
)
NOTHING = ((Path.MANAGEMENT, Word.SILENT), (Path.DATA, Word.SILENT))


def world() -> Inventory:
    """Four hosts; the first is silent, and has an address on a data network."""
    made = pool(4)
    for key, host in made.hosts.items():
        able = host.capabilities | {Capability.HOST_REACH}
        made = made.with_host(
            replace(host, capabilities=able, endpoint=EndpointId(f"e-{key}"), name=str(key))
        )
    silent = replace(made.host(SILENT), state=HostState.UNKNOWN, peer_address="10.1.0.10")
    lost = replace(vm(1, SILENT), state=VmState.UNKNOWN, name="web1")
    return made.with_host(silent).with_vm(lost)


class Neighbourhood:
    """Ears, and what neighbours and VMs say to them."""

    def __init__(self, *services: Service) -> None:
        self.clock = ManualClock()
        self.vitals = Vitals(self.clock)
        self.vitals.ask_peer = self._reach
        self.ears = Ears(self.vitals, lambda: services)
        self.ears.ask_vm = self._answer
        self.through: dict[tuple[str, str], Reach] = {}
        self.asked: list[tuple[str, str, int]] = []
        self.answering: set[str] = set()

    def _reach(self, host: HostId, address: str, port: int) -> Reach:
        self.asked.append((host, address, port))
        return self.through.get((host, address), Reach.SILENT)

    def _answer(self, probe: Probe, name: str) -> str:
        return "" if name in self.answering else "no answer"

    def listen(
        self, inventory: Inventory, said: tuple[tuple[Path, Word], ...] = NOTHING
    ) -> dict[Path, tuple[Word, str]]:
        """Listen once; return what each path says, and by whose word."""
        host = inventory.host(SILENT)
        task = self.ears.listen(host, ENDPOINT, inventory, lambda *_: said)
        assert task is not None
        task()
        return {one.path: (one.word, one.by) for one in self.vitals.heard(SILENT)}


def test_neighbour_that_comes_through_is_named_on_the_path_it_came_by() -> None:
    here = Neighbourhood()
    here.through[(FAR, "10.1.0.10")] = Reach.ANSWERS
    heard = here.listen(world())
    assert heard[Path.DATA] == (Word.PEERS, "h2")
    assert here.vitals.life(SILENT).life_at > 0, "that is life"
    assert heard[Path.MANAGEMENT] == (Word.SILENT, "")
    here.through[(NEAR, "10.0.0.10")] = Reach.ANSWERS
    here.clock.advance(KNOCK_S)
    assert here.listen(world())[Path.MANAGEMENT] == (Word.PEERS, "h1")


def test_who_answers_us_is_not_asked_for() -> None:
    here = Neighbourhood()
    said = ((Path.MANAGEMENT, Word.REFUSES), (Path.DATA, Word.ANSWERS))
    heard = here.listen(world(), said)
    assert heard == {Path.MANAGEMENT: (Word.REFUSES, ""), Path.DATA: (Word.ANSWERS, "")}
    assert here.asked == []


def test_neighbours_that_cannot_ask_say_nothing() -> None:
    here = Neighbourhood()
    for host in (NEAR, FAR, OTHER):
        here.through[(host, "10.1.0.10")] = Reach.UNKNOWN
    heard = here.listen(world(), ((Path.MANAGEMENT, Word.SILENT),))
    assert Path.DATA not in heard


def test_silence_is_asked_for_every_so_often_only() -> None:
    here = Neighbourhood()
    here.listen(world())
    host = world().host(SILENT)
    assert here.ears.listen(host, ENDPOINT, world(), lambda *_: NOTHING) is None
    here.clock.advance(KNOCK_S)
    assert here.listen(world())


def test_neighbours_answer_can_ask_and_take_turns() -> None:
    able = world()
    deaf = replace(able.host(FAR), capabilities=frozenset())
    gone = replace(able.host(OTHER), state=HostState.UNKNOWN)
    assert [one.id for one in neighbours(able.host(SILENT), able, 0)] == [NEAR, FAR, OTHER]
    assert [one.id for one in neighbours(able.host(SILENT), able, 1)] == [FAR, OTHER, NEAR]
    less = able.with_host(deaf).with_host(gone)
    assert [one.id for one in neighbours(able.host(SILENT), less, 1)] == [NEAR]
    assert len(neighbours(able.host(SILENT), able, 0)) <= NEIGHBOURS


def probed(*vms: str, address: str = "{vm}.lan") -> Service:
    probe = Probe(kind=ProbeKind.TCP, address=address, port=80)
    return Service(id=ServiceId("shop"), components=(Component(name="web", vms=vms, probe=probe),))


def test_vm_that_answers_its_probe_shows_that_its_host_lives() -> None:
    here = Neighbourhood(probed("web1"))
    assert here.listen(world())[Path.VMS] == (Word.SILENT, "")
    here.answering.add("web1")
    here.clock.advance(KNOCK_S)
    assert here.listen(world())[Path.VMS] == (Word.ANSWERS, "web1")


def test_answer_that_another_vm_may_have_given_is_no_life() -> None:
    """One address of many VMs, a VM that runs elsewhere, one with a copy elsewhere."""
    shared = Neighbourhood(probed("web1", "web2", address="web.lan"))
    shared.answering.add("web1")
    assert Path.VMS not in shared.listen(world())
    lost = world().vms[vm(1, SILENT).id]
    copy = VmCopy(host=NEAR, state=VmState.UNKNOWN)
    for other in (
        replace(lost, host=NEAR),
        replace(lost, state=VmState.STOPPED),
        replace(lost, copies=(copy,)),
    ):
        elsewhere = Neighbourhood(probed("web1"))
        elsewhere.answering.add("web1")
        assert Path.VMS not in elsewhere.listen(world().with_vm(other)), other


def test_data_network_is_a_path_of_its_own_only_where_it_is_another_one() -> None:
    host = Host(id=SILENT, name="h0", endpoint=EndpointId("e"), peer_address="10.0.0.10")
    assert [door.path for door in doors(host, ENDPOINT)] == [Path.MANAGEMENT]
    two = replace(host, peer_address="10.1.0.10")
    assert [door.path for door in doors(two, ENDPOINT)] == [Path.MANAGEMENT, Path.DATA]


def test_silent_host_is_not_asked_for_again_while_a_question_waits() -> None:
    here = Neighbourhood()
    host, made = world().host(SILENT), world()
    tasks = []
    for _ in range(20):
        here.clock.advance(KNOCK_S)
        tasks.append(here.ears.listen(host, ENDPOINT, made, lambda *_: NOTHING))
    (task,) = [one for one in tasks if one is not None]
    task()
    assert here.ears.heard_since(SILENT) > 0
    assert here.ears.listen(host, ENDPOINT, made, lambda *_: NOTHING) is not None
