"""Which looks go to another manager, and what becomes of those that it does not answer."""

import pytest
from msgspec import Raw
from msgspec.structs import replace

from anypool.clock import Clock, ManualClock
from anypool.drivers import lent
from anypool.drivers.lent import FIRST_PAUSE_S, QUICK_S, Links, lendable, routine
from anypool.drivers.link import Ask, Link, Place
from anypool.drivers.wire import ENCODER, Answer, Failure, Reply
from anypool.model import Endpoint, EndpointId

TOLD = (Raw(ENCODER.encode(())), "")
PLACE = Place(holder="m2", url="http://m2", key="k", epoch=3, near=True)
EAST = Endpoint(id=EndpointId("e1"), driver="libvirt", uri="qemu+tls://h1/system", pool="east")
DONE = Answer(number=0, result=Raw(b"\xc0"))


class Fake(Link):
    """A link that answers what it is told to, after some seconds."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self.place, self.clock = place, clock
        self.asked: list[Ask] = []
        self.reply: Reply | None = DONE
        self.takes_s = 0.0
        self.closed = False

    def ask(self, order: Ask, limit_s: float) -> Reply | None:
        self.asked.append(order)
        assert isinstance(self.clock, ManualClock)
        self.clock.advance(self.takes_s)
        return self.reply

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def links() -> Links:
    made = Links(ManualClock())
    made.make = Fake
    made.use({"east": PLACE})
    return made


def fake(links: Links) -> Fake:
    found = links._links["m2"]
    assert isinstance(found, Fake)
    return found


def ask(links: Links, endpoint: Endpoint = EAST, operation: str = "observe") -> Reply | None:
    with routine():
        return links.ask(endpoint, operation, TOLD, 60.0)


def test_a_routine_look_at_a_pool_that_was_dealt_is_lent_with_its_epoch(links: Links) -> None:
    assert ask(links) is DONE
    (asked,) = fake(links).asked
    assert (asked.endpoint, asked.pool, asked.epoch) == ("e1", "east", 3)


def test_nothing_else_is_lent(links: Links) -> None:
    assert links.ask(EAST, "observe", TOLD, 60.0) is None, "a run asks, and no loop"
    assert ask(links, replace(EAST, pool="west")) is None
    for operation in ("info", "power", "start_vm", "migration", "leases"):
        assert ask(links, operation=operation) is None
    links.use({})
    assert ask(links) is None


@pytest.mark.parametrize(
    ("driver", "uri", "near", "far"),
    [
        ("libvirt", "qemu+tls://h1/system", True, True),
        ("libvirt", "qemu+ssh://root@10.0.0.1/system", True, True),
        ("libvirt", "qemu:///system", True, False),
        ("libvirt", "qemu+tcp://127.0.0.1:4711/system", True, False),
        ("libvirt", "qemu+tcp://localhost/system", True, False),
        ("libvirt", "test:///default", False, False),
        ("sim", "sim://demo?hosts=3", False, False),
        ("sim", "sim://demo?hosts=3&state=/x", True, False),
        ("vsphere", "https://vc/", False, False),
        ("redfish", "https://bmc/", False, False),
    ],
)
def test_an_address_is_lent_where_it_means_the_same(
    driver: str, uri: str, near: bool, far: bool
) -> None:
    endpoint = replace(EAST, driver=driver, uri=uri)
    assert (lendable(endpoint, near=True), lendable(endpoint, near=False)) == (near, far)


def test_what_is_not_answered_we_do_ourselves(links: Links) -> None:
    fake(links).reply = None
    assert ask(links) is None
    fake(links).reply = DONE
    assert ask(links) is DONE, "a broken link says nothing of the endpoint"


def test_a_refusal_is_not_believed_and_we_look_ourselves_longer_each_time(links: Links) -> None:
    clock, link = fake(links).clock, fake(links)
    assert isinstance(clock, ManualClock)
    link.reply = Failure(number=0, error="Unreachable", message="no route")
    assert ask(links) is None
    link.asked.clear()
    clock.advance(FIRST_PAUSE_S - 1)
    assert ask(links) is None
    assert not link.asked
    clock.advance(1)
    assert ask(links) is None
    clock.advance(FIRST_PAUSE_S)
    assert ask(links) is None
    assert len(link.asked) == 1, "twice as long"
    clock.advance(FIRST_PAUSE_S)
    link.reply = DONE
    assert ask(links) is DONE
    link.reply = Failure(number=0, error="Busy", message="dealt anew")
    assert ask(links) is None
    clock.advance(FIRST_PAUSE_S)
    link.asked.clear()
    ask(links)
    assert link.asked, "from the beginning again"


def test_a_host_that_was_waited_for_in_vain_is_not_waited_for_twice(links: Links) -> None:
    fake(links).takes_s = QUICK_S
    fake(links).reply = silent = Failure(number=0, error="Unreachable", message="no answer in 20 s")
    assert ask(links) is silent


def test_what_the_driver_cannot_do_is_believed(links: Links) -> None:
    ask(links)
    links.judge(EAST, same=True)
    fake(links).reply = lacks = Failure(number=0, error="NotSupported", message="no events here")
    assert ask(links, operation="changes") is lacks


def test_a_name_that_means_another_host_there_is_not_believed(links: Links) -> None:
    """Its VMs would seem to be gone from a host that never said so."""
    assert ask(links, operation="changes") is None, "nothing was read whole there"
    assert ask(links) is DONE
    assert not links.judge(EAST, same=False)
    assert ask(links) is None
    links._own.clear()
    assert ask(links) is DONE
    assert links.judge(EAST, same=True)
    assert ask(links, operation="changes") is DONE
    links.use({"east": replace(PLACE, key="another reign's")})
    assert ask(links, operation="changes") is None, "who vouches for it is another one"


def test_a_link_stays_while_only_epochs_change(links: Links) -> None:
    first = fake(links)
    links.use({"east": replace(PLACE, epoch=4), "west": PLACE})
    assert fake(links) is first
    ask(links)
    assert first.asked[-1].epoch == 4
    links.use({"east": replace(PLACE, key="another reign's")})
    assert first.closed
    assert fake(links) is not first
    links.use({})
    assert links.down() == {}


def test_a_thread_is_on_a_timetable_only_inside(links: Links) -> None:
    with routine():
        assert lent._routine.get()
    assert not lent._routine.get()
