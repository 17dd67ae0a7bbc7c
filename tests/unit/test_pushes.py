"""Redfish pushes: subscriptions at a BMC of the lab, in this process, and what comes from them."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import json
from msgspec.structs import replace

from anypool.clock import ManualClock
from anypool.drivers.redfish.channel import Answer
from anypool.drivers.redfish.driver import RedfishDriver
from anypool.drivers.sim import Shape, SimDriver, build_world
from anypool.engine.hearing.hints import GAP_S, Hints
from anypool.engine.hearing.pushes import PATH, RENEW_S, TAKEN, Pushes, pushed_to
from anypool.errors import AnypoolError, Invalid, NotSupported
from anypool.lab.blades.journal import event
from anypool.lab.bmc_keys import BMC_USER
from anypool.model import Adoption, Endpoint, EndpointId, PMap
from anypool.model.inventory import Inventory
from anypool.model.push import PushOrder, PushReading
from anypool.settings import Settings
from anypool.store import Store, secrets
from tests.unit.store_kit import clock, store  # noqa: F401
from tests.unit.test_lab_blade_redfish import ROOT, SERVER, SYSTEM, Bench

EVERY = f"{ROOT}/EventService/Subscriptions"
BASE = f"https://10.0.0.5:8420{PATH}"
ORDER = PushOrder(
    base=BASE, mark="anypool:site1:", destination=f"{BASE}abc", context="anypool:site1:s"
)
BMC = EndpointId("bmc-b1")


class Wire:
    """A channel to the lab's service that needs no network; `asked` is what changed something."""

    name = "the lab's BMC"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.asked: list[str] = []

    def open(self, operation_s: float | None = None) -> None: ...

    def close(self) -> None: ...

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> Answer:
        if method != "GET" and "Sessions" not in path:
            self.asked.append(f"{method} {path}")
        said = self._bench.client.open(path, method=method, headers=dict(headers), json=body)
        found = said.get_json(silent=True)
        names = {name.lower(): text for name, text in said.headers.items()}
        return Answer(said.status_code, names, found if isinstance(found, dict) else {})


class Blade:
    """A blade's BMC without a stream, and our driver of it."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.bench.board.change(lambda kept: replace(kept, streams=False))
        self.wire = Wire(self.bench)
        options = {"user": BMC_USER, "fingerprint": "aa", "system": SYSTEM}
        self.driver = RedfishDriver(self.wire, options, "secret")  # type: ignore[arg-type]

    @property
    def there(self) -> list[tuple[str, str]]:
        found = self.bench.teller.subscriptions("b1")
        return [(one.destination, one.context) for one in found]

    def add(self, destination: str, context: str) -> None:
        body = {"Destination": destination, "Context": context}
        assert self.bench.client.post(EVERY, json=body).status_code == 201


@pytest.fixture
def blade(tmp_path: Path) -> Blade:
    return Blade(tmp_path)


WANTED = (ORDER.destination, ORDER.context)


def test_a_subscription_is_made_once_and_made_again_where_it_was_forgotten(blade: Blade) -> None:
    made = blade.driver.subscribe(ORDER)
    assert (made.path, made.made) == (f"{EVERY}/1", 1)
    assert blade.driver.subscribe(ORDER) == PushReading(path=f"{EVERY}/1")
    assert blade.there == [WANTED]
    blade.bench.teller.unsubscribe("b1", "1")
    assert blade.driver.subscribe(ORDER).made == 1
    assert len(blade.wire.asked) == 2


def test_what_is_left_over_of_ours_goes_and_what_is_others_stays(blade: Blade) -> None:
    others = [("https://10.9.9.9/events", "zabbix"), ("https://old:1/x", "anypool:site2:t")]
    for destination, context in (
        ("https://old:8420/api/v1/pushes/abc", "anypool:site1:old"),
        (f"{BASE}of-an-installation-before", "anypool:site0:x"),
        *others,
    ):
        blade.add(destination, context)
    assert blade.driver.subscribe(ORDER).removed == 2
    assert blade.there == [*others, WANTED]
    blade.add(*WANTED)
    assert blade.driver.subscribe(ORDER).removed == 1, "one of two that are the same"
    gone = blade.driver.subscribe(replace(ORDER, destination="", context=""))
    assert (gone.path, gone.removed) == ("", 1)
    assert blade.there == others


def test_where_there_is_a_stream_none_is_made_and_ours_is_taken_away(blade: Blade) -> None:
    blade.driver.subscribe(ORDER)
    blade.bench.board.change(lambda kept: replace(kept, streams=True))
    with pytest.raises(NotSupported, match="has a stream of events"):
        blade.driver.subscribe(ORDER)
    assert blade.there == []


class Yard:
    """Our side, with one adopted server behind the blade's BMC."""

    def __init__(self, blade: Blade, opened: Store, time: ManualClock, url: str) -> None:
        self.blade, self.clock, self.store = blade, time, opened
        self.looked: list[str] = []
        self.down: AnypoolError | None = None
        (server,) = SimDriver(build_world(Shape(hosts=1, vms=1, servers=1))).observe().servers
        self.server = replace(server, endpoint=BMC, adoption=Adoption.ADOPTED)
        self.endpoint = Endpoint(id=BMC, driver="redfish", uri="redfish://10.0.0.9")
        self.left: list[Any] = []
        self.engine = SimpleNamespace(
            leads=True,
            inventory=Inventory(servers=PMap.of({server.id: self.server})),
            endpoints=lambda: [self.endpoint],
            servers=SimpleNamespace(
                look=self.looked.append,
                subscribe=self.subscribe,
                before_leaving=self.left.append,
            ),
        )
        self.hints = Hints(time)
        self.hints.submit = lambda task: task()
        self.pushes = self.begun(url)

    def begun(self, url: str) -> Pushes:
        settings = Settings(state_dir="/nowhere", bmc_push_url=url)
        made = Pushes(self.engine, self.store, self.clock, settings, self.hints)  # type: ignore[arg-type]
        made.submit = lambda task: task()
        made.round()
        self.hints.round()
        return made

    def subscribe(self, _: EndpointId, order: PushOrder) -> PushReading:
        if self.down is not None:
            raise self.down
        return self.blade.driver.subscribe(order)

    def told(self) -> tuple[str, bytes]:
        """What the BMC sends for the newest of its journal: the key it sends it to, and that."""
        self.blade.bench.board.note("power-off", "the button was pressed")
        entry = self.blade.bench.board.entries()[-1]
        ((destination, context),) = self.blade.there
        return destination.rpartition("/")[2], json.dumps(event(SERVER, entry, context)).encode()

    def pass_s(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.pushes.round()
        self.hints.round()


URL = "https://10.0.0.5:8420"


@pytest.fixture
def yard(blade: Blade, store: Store, clock: ManualClock) -> Yard:  # noqa: F811
    return Yard(blade, store, clock, URL)


def test_a_push_is_a_reason_to_look_and_many_are_one(yard: Yard) -> None:
    assert yard.looked == [BMC], "what happened before it was asked to tell is not known"
    key, body = yard.told()
    yard.pass_s(GAP_S)
    for _ in range(int(TAKEN[0]) + 40):
        assert yard.pushes.take(key, body)
    yard.hints.round()
    assert len(yard.looked) == 2
    (standing,) = yard.pushes.standing()
    assert (standing.received, standing.dropped) == (int(TAKEN[0]), 40)


def test_who_does_not_know_the_context_is_not_heard(yard: Yard) -> None:
    key, body = yard.told()
    good = json.loads(body)
    wrong = [b"", b"[]", b"{", b"[" * 5000, json.dumps(good | {"Context": "x"}).encode(),
             json.dumps(good | {"Context": None}).encode()]  # fmt: skip
    assert [yard.pushes.take(key, one) for one in wrong] == [False] * len(wrong)
    assert not yard.pushes.take("0" * 32, body)
    (standing,) = yard.pushes.standing()
    assert (standing.refused, standing.received, yard.pushes.unknown) == (len(wrong), 0, 1)
    assert yard.looked == [BMC]


def test_another_manager_of_the_same_records_goes_on_with_what_is_there(yard: Yard) -> None:
    before = yard.blade.there
    key, body = yard.told()
    other = yard.begun(URL)
    assert yard.blade.there == before
    assert other.take(key, body)
    moved = yard.begun("https://10.0.0.6:8420")
    ((destination, _),) = yard.blade.there
    assert destination.startswith("https://10.0.0.6:8420/")
    assert moved.standing()[0].left_over == 1


def test_what_a_bmc_forgot_is_renewed(yard: Yard) -> None:
    yard.blade.bench.teller.unsubscribe("b1", "1")
    yard.pass_s(RENEW_S / 2)
    assert yard.blade.there == []
    yard.pass_s(RENEW_S / 2)
    assert len(yard.blade.there) == 1
    assert yard.pushes.standing()[0].made == 2


def test_a_bmc_that_does_not_answer_is_asked_again_and_says_why(yard: Yard) -> None:
    yard.down = NotSupported("it has none")
    yard.pass_s(RENEW_S)
    (standing,) = yard.pushes.standing()
    assert (standing.path, standing.message) == ("", "it has none")
    yard.down = None
    yard.pass_s(3600)
    assert yard.pushes.standing()[0].path


def test_one_that_leaves_is_unsubscribed_first(yard: Yard) -> None:
    key, body = yard.told()
    (leave,) = yard.left
    leave(BMC)
    assert yard.blade.there == []
    assert not yard.pushes.take(key, body)


def test_once_no_pushes_are_wanted_the_subscription_goes(yard: Yard) -> None:
    off = yard.begun("")
    assert (yard.blade.there, off.standing()) == ([], ())
    with yard.store.reading() as tx:
        assert secrets.get(tx, BMC, "push") == ""


@pytest.mark.parametrize("why", ["found", "closed", "other"])
def test_only_bmcs_of_adopted_servers_that_may_be_changed_are_asked(
    blade: Blade,
    store: Store,  # noqa: F811
    clock: ManualClock,  # noqa: F811
    why: str,
) -> None:
    yard = Yard(blade, store, clock, "")
    if why == "found":
        found = replace(yard.server, adoption=Adoption.FOUND)
        yard.engine.inventory = Inventory(servers=PMap.of({found.id: found}))
    elif why == "closed":
        yard.endpoint = replace(yard.endpoint, observe_only=True)
    else:
        yard.endpoint = replace(yard.endpoint, driver="ipmi")
    yard.begun(URL)
    assert blade.there == []


def test_a_manager_that_does_not_lead_asks_nobody_and_takes_nothing(yard: Yard) -> None:
    key, body = yard.told()
    yard.engine.leads = False
    yard.pass_s(RENEW_S)
    assert yard.pushes.standing() == ()
    assert not yard.pushes.take(key, body)
    yard.engine.leads = True
    yard.pass_s(1)
    assert yard.pushes.take(key, body), "it recalls what BMCs were given"


@pytest.mark.parametrize("text", ["10.0.0.5", "https://a@b", "https://m/x", "ftp://m"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="bmc_push_url"):
        pushed_to(text)
