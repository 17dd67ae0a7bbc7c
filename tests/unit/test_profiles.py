"""Profiles and their addresses: each is given once, and again only after a rest."""

from threading import Thread

import pytest
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine.observing.board import Board
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.engine.observing.recollect import recollected
from anypool.engine.profiles import Profiles
from anypool.errors import AnypoolError, Conflict, NotFound
from anypool.model import (
    AdapterKind,
    Endpoint,
    EndpointId,
    HostId,
    Means,
    Nic,
    Profile,
    ProfileId,
    ServerId,
)
from anypool.model.address import AddressKind, AddressRange, AddressState
from anypool.model.profile import ProfilePort, Tenure
from anypool.plan import AttachNic
from anypool.store import Store, facts
from anypool.store import profiles as records
from tests.unit.store_kit import clock, store  # noqa: F401

LAN = AddressRange(
    id="lan", kind=AddressKind.MAC, first="02:00:00:00:00:01", last="02:00:00:00:00:04"
)
SAN = AddressRange(
    id="san", kind=AddressKind.WWN, first="50:01:00:00:00:00:00:01", last="50:01:00:00:00:00:00:09"
)
ANY = ("", "")
NIC = AdapterKind.ETHERNET
REST_S = 3600.0
BLADE = ServerId(HostId("sim-blade1"))


class Yard:
    """The book over a database, with a picture that can be looked at."""

    def __init__(self, opened: Store, time: ManualClock) -> None:
        self.board = Board()
        self.observer = Observer(Picture(Ours()), self.board, time)
        self.book = Profiles(opened, (self.observer, self.board), REST_S)
        self.book.add_range(LAN, "ada")
        self.book.add_range(SAN, "ada")


@pytest.fixture
def yard(store: Store, clock: ManualClock) -> Yard:  # noqa: F811
    return Yard(store, clock)


def profile(name: str, nics: int = 1, hbas: int = 0, **changes: object) -> Profile:
    made = Profile(
        id=ProfileId(f"profile-{name}"),
        name=name,
        ports=(
            *(
                ProfilePort(id=f"nic{n}", kind=AdapterKind.ETHERNET, address="")
                for n in range(nics)
            ),
            *(ProfilePort(id=f"hba{n}", kind=AdapterKind.FC, address="") for n in range(hbas)),
        ),
    )
    return replace(made, **changes)


def test_ports_are_given_the_lowest_free_addresses(yard: Yard) -> None:
    made = yard.book.add(profile("a", nics=2, hbas=1), ANY, "ada")
    assert made.addresses == (
        "02:00:00:00:00:01", "02:00:00:00:00:02",
        "50:01:00:00:00:00:00:01", "50:01:00:00:00:00:00:02",
    )  # fmt: skip
    assert yard.board.inventory.profiles[made.id] == made
    uses = {one.address: one.use for one in yard.book.book()}
    assert uses["50:01:00:00:00:00:00:02"] == "hba0.node"


def test_nothing_is_given_that_a_vm_a_server_or_a_coming_plan_has(yard: Yard) -> None:
    frame = SimDriver(build_world(Shape(hosts=1, vms=1, servers=1))).observe()
    vm = replace(frame.vms[0], nics=(Nic(mac="02:00:00:00:00:01"),))
    port = replace(frame.servers[0].adapters[0].ports[0], permanent="02:00:00:00:00:02")
    adapter = replace(frame.servers[0].adapters[0], ports=(port,))
    server = replace(frame.servers[0], adapters=(adapter,))
    seen = replace(frame, vms=(vm,), servers=(server,))
    endpoint = Endpoint(id=EndpointId("sim"), driver="sim", uri="sim://sim")
    yard.observer.change(lambda p: p.apply(endpoint, seen, p.moment(), frozenset()))
    coming = AttachNic(vm=vm.id, host=frame.hosts[0].id, nic=Nic(mac="02:00:00:00:00:03"))
    yard.book.pending = lambda: (coming,)
    assert yard.book.add(profile("a"), ANY, "ada").addresses == ("02:00:00:00:00:04",)


def test_a_range_with_nothing_left_says_so_and_nothing_is_kept(yard: Yard) -> None:
    yard.book.add(profile("a", nics=3), ANY, "ada")
    with pytest.raises(Conflict, match="no MAC is left in lan") as caught:
        yard.book.add(profile("b", nics=2), ANY, "ada")
    assert "address-range add" in caught.value.hint
    assert len(yard.board.inventory.profiles) == 1
    assert sum(one.kind is AddressKind.MAC for one in yard.book.book()) == 3
    with pytest.raises(Conflict, match="no range of MACs called other"):
        yard.book.add(profile("b"), ("other", ""), "ada")


def test_addresses_rest_before_they_are_given_again(yard: Yard, clock: ManualClock) -> None:  # noqa: F811
    made = yard.book.add(profile("a", nics=4), ANY, "ada")
    yard.book.remove(made.id, "ada")
    assert {one.state for one in yard.book.book()} == {AddressState.RESTING}
    with pytest.raises(Conflict, match="no MAC is left") as caught:
        yard.book.add(profile("b"), ANY, "ada")
    assert "wait until" in caught.value.hint
    with pytest.raises(Conflict, match="resting"):
        yard.book.check_address("02:00:00:00:00:01")
    clock.advance(REST_S + 1)
    assert yard.book.add(profile("b"), ANY, "ada").addresses == ("02:00:00:00:00:01",)


def test_ranges_do_not_overlap(yard: Yard) -> None:
    more = AddressRange(id="more", kind=AddressKind.MAC, first="02:00:00:00:00:04",
                        last="02:00:00:00:00:08")  # fmt: skip
    with pytest.raises(Conflict, match="overlaps lan"):
        yard.book.add_range(more, "ada")
    yard.book.add_range(replace(more, first="02:00:00:00:00:05"), "ada")
    with pytest.raises(Conflict, match="there is a range more"):
        yard.book.add_range(replace(more, first="02:00:00:00:01:05"), "ada")


def test_a_range_goes_once_none_of_its_addresses_is_held(yard: Yard, clock: ManualClock) -> None:  # noqa: F811
    made = yard.book.add(profile("a", nics=2), ANY, "ada")
    with pytest.raises(Conflict, match=r"00:01 \(reserved, profile a\); 02:00:00:00:00:02"):
        yard.book.remove_range("lan", "ada")
    yard.book.remove(made.id, "ada")
    with pytest.raises(Conflict, match=r"00:02 \(resting until 2\d{3}-"):
        yard.book.remove_range("lan", "ada")
    clock.advance(REST_S + 1)
    frame = SimDriver(build_world(Shape(hosts=1, vms=1, servers=0))).observe()
    vm = replace(frame.vms[0], name="web", nics=(Nic(mac="02-00-00-00-00-03"),))
    endpoint = Endpoint(id=EndpointId("sim"), driver="sim", uri="sim://sim")
    seen = replace(frame, vms=(vm,))
    yard.observer.change(lambda p: p.apply(endpoint, seen, p.moment(), frozenset()))
    with pytest.raises(Conflict, match=r"00:03 \(in use, VM web\)"):
        yard.book.remove_range("lan", "ada")
    seen = replace(frame, vms=(replace(vm, nics=()),))
    yard.observer.change(lambda p: p.apply(endpoint, seen, p.moment(), frozenset()))
    coming = AttachNic(vm=vm.id, host=frame.hosts[0].id, nic=Nic(mac="02:00:00:00:00:04"))
    yard.book.pending = lambda: (coming,)
    with pytest.raises(Conflict, match="by a running operation"):
        yard.book.remove_range("lan", "ada")
    yard.book.pending = tuple
    yard.book.remove_range("lan", "ada")
    assert [one.id for one in yard.book.ranges()] == ["san"]
    with pytest.raises(NotFound):
        yard.book.remove_range("lan", "ada")


def test_an_address_is_in_the_book_once_whoever_writes(yard: Yard, store: Store) -> None:  # noqa: F811
    """Two managers that know nothing of each other give addresses at once."""
    other = Profiles(store, (yard.observer, yard.board), REST_S)
    failed: list[AnypoolError] = []

    def add(book: Profiles, name: str) -> None:
        try:
            book.add(profile(name), ANY, "ada")
        except AnypoolError as error:
            failed.append(error)

    threads = [
        Thread(target=add, args=(book, f"{number}{which}"))
        for number in range(2)
        for which, book in (("x", yard.book), ("y", other))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(10)
    given = [one.address for one in yard.book.book() if one.kind is AddressKind.MAC]
    assert len(given) == len(set(given)) == 4 - len(failed)
    taken = next(iter(yard.book.book()))
    with pytest.raises(Conflict), store.writing() as tx:
        records.reserve(tx, (taken,))


def tenure(epoch: int, key: str, server: ServerId = BLADE) -> Tenure:
    return Tenure(
        profile=ProfileId(f"profile-{key}"), epoch=epoch, server=server, server_name=server,
        by="ada", plan="plan-1", began_at=0.0,
    )  # fmt: skip


def owned(store: Store, what: Tenure) -> None:  # noqa: F811
    with store.writing() as tx:
        records.own(tx, what, Means.ADDRESSES)


def test_a_profile_has_one_server_and_a_server_one_profile(yard: Yard, store: Store) -> None:  # noqa: F811
    for name in ("a", "b"):
        yard.book.add(profile(name), ANY, "ada")
    with pytest.raises(Conflict, match="not free"):
        owned(store, tenure(2, "a"))
    owned(store, tenure(1, "a"))
    with pytest.raises(Conflict, match="not free"):
        owned(store, tenure(2, "a", ServerId(HostId("sim-blade2"))))
    with pytest.raises(Conflict):
        owned(store, tenure(1, "b"))
    with store.writing() as tx:
        records.leave(tx, ProfileId("profile-a"), BLADE, "seen off")
    owned(store, tenure(2, "a", ServerId(HostId("sim-blade2"))))
    epochs = [(one.epoch, one.proof, bool(one.ended_at)) for one in
              yard.book.history(ProfileId("profile-a"))]  # fmt: skip
    assert epochs == [(2, "", False), (1, "seen off", True)]


def test_the_identity_of_a_profile_stays_while_a_server_bears_it(
    yard: Yard,
    store: Store,  # noqa: F811
) -> None:
    made = yard.book.add(profile("a"), ANY, "ada")
    owned(store, tenure(1, "a"))
    with pytest.raises(Conflict, match="bears a, so it cannot be changed") as caught:
        yard.book.change(made.id, "ada", ANY, lambda one: replace(one, initiator="iqn.2026-11.x:y"))
    assert "profile unassign a" in caught.value.hint
    with pytest.raises(Conflict, match="cannot be deleted"):
        yard.book.remove(made.id, "ada")
    yard.book.change(made.id, "ada", ANY, lambda one: replace(one, description="ours"))
    with store.reading() as tx:
        kept = facts.profiles.get(tx, made.id)
    assert kept is not None
    assert (kept.description, kept.server) == ("ours", BLADE)
    assert recollected(store).inventory.profiles[made.id] == kept


def test_ports_that_go_leave_their_addresses_to_rest(yard: Yard) -> None:
    made = yard.book.add(profile("a", nics=2), ANY, "ada")
    yard.book.change(made.id, "ada", ANY, lambda one: replace(one, ports=one.ports[:1]))
    states = {one.address: one.state for one in yard.book.book()}
    assert states == {
        "02:00:00:00:00:01": AddressState.RESERVED, "02:00:00:00:00:02": AddressState.RESTING,
    }  # fmt: skip


def test_the_name_of_an_initiator_is_one_profile_s_alone(yard: Yard) -> None:
    iqn = "iqn.2026-11.local.anypool:db"
    yard.book.add(profile("a", initiator=iqn), ANY, "ada")
    with pytest.raises(Conflict, match="for another profile"):
        yard.book.add(profile("b", initiator=iqn), ANY, "ada")
