"""What may not be started after a restore while an endpoint that was not read could have it."""

import pytest

from anypool.engine.resync import _in_doubt
from anypool.model import EndpointId, HostId, PowerOff, VmId, VmState, VmWish
from anypool.plan import StartAfterFailure
from anypool.store.restoration import Unread
from tests.strategies import host, pool, vm

HOME, TARGET = HostId("h0"), HostId("h1")


@pytest.mark.parametrize(
    ("unread", "in_doubt"),
    [
        ((), False),
        (("e0",), False),  # its host is proven to be dead
        (("e2",), True),
        (("e0", "e2"), True),
        (("gone",), True),
    ],
)
def test_a_vm_of_a_dead_host_waits_for_the_others(
    unread: tuple[str, ...], *, in_doubt: bool
) -> None:
    world = pool().with_vm(vm(1, "h0", state=VmState.UNKNOWN))
    assert world.hosts.keys() >= {host(number).id for number in range(3)}
    start = StartAfterFailure(
        wish=VmWish(id=VmId("v1"), name="vm1"),
        host=TARGET,
        home=HOME,
        proof=PowerOff(host=HOME, first_at=10.0, at=12.0),
    )
    left = [Unread(endpoint=EndpointId(one)) for one in unread]
    found = dict(_in_doubt([start], left, world))
    assert found.keys() == ({VmId("v1")} if in_doubt else set())
    vouched = [Unread(endpoint=EndpointId(one), vouched_by="ada") for one in unread]
    assert not dict(_in_doubt([start], vouched, world))
