"""Full readings cross as differences, and arrive as what was read."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from anypool.drivers.delta import Received, Sent, received
from anypool.drivers.wire import WireError
from anypool.model import Datastore, Frame, Network, Vm, VmState, Volume
from tests.strategies import NETWORK, SHARED, host, vm
from tests.unit.cost import cost

ENCODE = msgspec.msgpack.Encoder().encode


def frame(*vms: Vm) -> Frame:
    return Frame(
        full=True,
        hosts=(host(0),),
        vms=vms,
        datastores=(Datastore(id=SHARED, name="shared"),),
        volumes=tuple(Volume(datastore=SHARED, name=one.name, path="/") for one in vms),
        networks=(Network(id=NETWORK, name="data"),),
    )


def crossed(sent: Sent, reading: Frame, base: Received | None) -> tuple[int, Received]:
    """Return how many VMs were sent, and what arrived."""
    difference = sent.difference(reading, "" if base is None else base.name)
    return len(difference.new["vms"]), received(ENCODE(difference), base)


@given(
    st.lists(
        st.dictionaries(
            st.integers(0, 8), st.sampled_from([VmState.RUNNING, VmState.PAUSED]), max_size=6
        ),
        max_size=6,
    )
)
def test_what_arrives_is_what_was_read(readings: list[dict[int, VmState]]) -> None:
    sent, base = Sent(), None
    before: dict[int, VmState] = {}
    for reading in readings:
        here = frame(*(vm(number, "h0", state=state) for number, state in reading.items()))
        count, base = crossed(sent, here, base)
        arrived = base.frame()
        assert {one.id: one for one in arrived.vms} == {one.id: one for one in here.vms}
        assert {one.name for one in arrived.volumes} == {one.name for one in here.volumes}
        assert (arrived.hosts, arrived.datastores, arrived.networks, arrived.full) == (
            here.hosts, here.datastores, here.networks, True,
        )  # fmt: skip
        assert count == sum(before.get(number) != state for number, state in reading.items())
        before = reading


def test_what_did_not_change_is_not_sent_and_stays_the_same_object() -> None:
    sent = Sent()
    _, first = crossed(sent, frame(*(vm(number, "h0") for number in range(50))), None)
    changed = frame(*(vm(number, "h0", memory_mib=1024 + number // 49) for number in range(50)))
    count, second = crossed(sent, changed, first)
    assert count == 1
    pairs = zip(first.frame().vms, second.frame().vms, strict=True)
    assert sum(old is new for old, new in pairs) == 49


def test_a_worker_that_knows_no_such_reading_sends_everything() -> None:
    _, first = crossed(Sent(), frame(vm(1, "h0")), None)
    count, second = crossed(Sent(), frame(vm(1, "h0")), first)
    assert count == 1
    assert second.frame() == first.frame()


def test_two_readings_at_once_both_arrive_whole() -> None:
    sent = Sent()
    _, base = crossed(sent, frame(vm(1, "h0"), vm(2, "h0")), None)
    one = sent.difference(frame(vm(1, "h0")), base.name)
    other = sent.difference(frame(vm(2, "h0"), vm(3, "h0")), base.name)
    assert [v.id for v in received(ENCODE(other), base).frame().vms] == ["v2", "v3"]
    assert [v.id for v in received(ENCODE(one), base).frame().vms] == ["v1"]


def test_a_difference_to_something_else_is_no_answer() -> None:
    sent = Sent()
    _, base = crossed(sent, frame(vm(1, "h0")), None)
    difference = sent.difference(frame(vm(1, "h0")), base.name)
    for wrong in (None, replace_name(base)):
        with pytest.raises(WireError):
            received(ENCODE(difference), wrong)
    broken = replace(difference, new={"vms": [msgspec.Raw(ENCODE("nonsense"))]})
    with pytest.raises(WireError):
        received(ENCODE(broken), base)


def replace_name(base: Received) -> Received:
    return Received("another", base.tables)


def test_decoding_costs_what_changed() -> None:
    assert 6 * decoding(1) < decoding(100)


def decoding(changes: int) -> int:
    """Return the operations it takes to decode a reading of 400 VMs of which some changed."""
    sent = Sent()
    vms = [vm(number, "h0") for number in range(400)]
    _, base = crossed(sent, frame(*vms), None)
    fresh = [vm(number, "h0", memory_mib=2048) for number in range(changes)]
    body = ENCODE(sent.difference(frame(*fresh, *vms[changes:]), base.name))
    return cost(lambda: received(body, base)).operations
