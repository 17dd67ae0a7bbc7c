"""Who may switch a server from outside, and what is written of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from anypool.clock import ManualClock
from anypool.errors import Conflict, OutcomeUnknown
from anypool.model import (
    Adoption,
    EndpointId,
    Host,
    HostId,
    Inventory,
    PMap,
    Power,
    Server,
    ServerId,
)
from anypool.service.access import Principal
from anypool.service.controllers import SETTLE_S, Controllers, PowerWish
from anypool.store.records import Role

BY = Principal(name="ada", role=Role.OPERATOR)
KEY = ServerId(HostId("9f0f3a5e-6a2e-4f7c-8f5e-2b1c3d4e5f60"))


class World:
    """One server, adopted and on, with a BMC that does as it is told, or not."""

    def __init__(self, *, host: bool) -> None:
        server = Server(
            id=KEY,
            name="b3",
            endpoint=EndpointId("bmc-b3"),
            power=Power.ON,
            adoption=Adoption.ADOPTED,
        )
        itself = Host(id=HostId(KEY), name="h3", endpoint=EndpointId("e"))
        hosts = {itself.id: itself} if host else {}
        self.inventory = Inventory(hosts=PMap.of(hosts), servers=PMap.of({KEY: server}))
        self.sent: list[str] = []
        self.told: list[str] = []
        self.clock = ManualClock()
        self.lost = False
        look = lambda _: None  # noqa: E731
        note = lambda _server, kind, _message, _by: self.told.append(kind)  # noqa: E731
        servers = SimpleNamespace(look=look, note=note)
        engine: Any = SimpleNamespace(
            inventory=self.inventory, servers=servers, must_lead=lambda: None
        )
        reach: Any = SimpleNamespace(driver=lambda _: self)
        self.controllers = Controllers(engine, reach, self.clock)

    def force_off_host(self, _: HostId) -> None:
        assert self.told == ["server.ordered"], "what is ordered is written before it is sent"
        self.sent.append("force-off")
        if self.lost:
            raise OutcomeUnknown("nobody answered")

    def power_on_host(self, _: HostId) -> None:
        self.sent.append("on")


@pytest.mark.parametrize("wish", [PowerWish.OFF, PowerWish.FORCE_OFF])
def test_a_host_of_the_pool_is_never_switched_off_from_here(wish: PowerWish) -> None:
    world = World(host=True)
    with pytest.raises(Conflict, match="is the host h3 and may run VMs"):
        world.controllers.switch(BY, "b3", wish)
    assert world.sent == []
    assert world.told == []
    world.controllers.switch(BY, "b3", PowerWish.ON)
    assert world.sent == ["on"]


def test_an_order_is_written_before_and_after_and_its_effect_waited_for() -> None:
    world = World(host=False)
    begin = world.clock.monotonic()
    assert world.controllers.switch(BY, "b3", PowerWish.FORCE_OFF).power is Power.ON
    assert world.clock.monotonic() - begin >= SETTLE_S, "it is shown as it is in the end"
    assert world.told == ["server.ordered", "server.order-done"]


def test_an_answer_that_is_lost_is_said_and_written() -> None:
    world = World(host=False)
    world.lost = True
    with pytest.raises(OutcomeUnknown):
        world.controllers.switch(BY, "b3", PowerWish.FORCE_OFF)
    assert world.told == ["server.ordered", "server.order-failed"]
