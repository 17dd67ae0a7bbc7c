"""Two managers share the looks at pools; one of them does all deeds."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Raw
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from anypool.clock import SystemClock
from anypool.drivers.lent import Nobody
from anypool.drivers.link import KEY_HEADER, PATH, Ask
from anypool.drivers.remote import WorkerPool
from anypool.drivers.wire import ENCODER, Answer, Failure, Mandate, Reply
from anypool.errors import Denied, Unreachable
from anypool.model import Endpoint, EndpointId, HostId
from anypool.service.lending import blind
from anypool.store import poolleases
from tests.service.manager_kit import Manager, finished, running, until

LEASE_S = 2.0
SOON_S = LEASE_S * 4
ORDER = {"measure_every_s": 0.5, "lease_s": LEASE_S, "changes_wait_s": 1.0}


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Manager, Manager, ExitStack]]:
    """One that leads with two pools, and another; leaving the stack ends the other."""
    database = f"sqlite:///{tmp_path}/shared.db"
    with ExitStack() as second, running(tmp_path / "one", database=database, **ORDER) as one:
        two = second.enter_context(running(tmp_path / "two", database=database, **ORDER))
        with one.client() as client:
            for name in ("east", "west"):
                assert client.post("/pools", json={"name": name}).status_code == 201
                add(client, tmp_path, name)
        yield one, two, second


def add(client: httpx.Client, folder: Path, name: str) -> None:
    uri = f"sim://{name}?hosts=3&vms=4&seed={len(name) + ord(name[0])}&state={folder}/{name}.world"
    answer = client.post("/endpoints", json={"uri": uri, "name": name, "pool": name})
    assert answer.status_code == 201, answer.text


def look_after(client: httpx.Client) -> dict[str, list[str]]:
    """The pools that have endpoints, by the address of who looks after them."""
    items: list[dict[str, Any]] = client.get("/managers").json()["items"]
    return {
        one["address"]: [had["pool"] for had in one["looks_after"] if had["pool"] != "default"]
        for one in items
    }


def test_pools_are_shared_out_and_looked_after(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    one, two, second = both
    with one.client() as client:
        until(
            lambda: sorted(map(len, look_after(client).values())) == [1, 1],
            "each has a pool",
            deadline_s=SOON_S,
        )
        (lent,) = look_after(client)[two.url]
        until(lambda: two.app.services.lending.answered > 5, "the other one looks")
        host = client.get(f"/hosts?q=pool+=+{lent}").json()["items"][0]["id"]
        ended = finished(client, client.post(f"/hosts/{host}/evacuate"))
        assert ended["state"] == "done", "deeds are the leader's, also there"
        assert two.app.engine.leads is False
        second.close()
        until(
            lambda: sorted(look_after(client)[one.url]) == ["east", "west"],
            "it has both",
            deadline_s=SOON_S,
        )
        until(
            lambda: client.get("/hosts?q=state+=+up").json()["total"] == 6,
            "all hosts answer",
        )


def test_a_look_of_another_reign_and_a_strange_key_are_refused(
    both: tuple[Manager, Manager, ExitStack],
) -> None:
    """As of a leader that was frozen, and goes on when another one has dealt anew."""
    one, two, _ = both
    lending = two.app.services.lending
    with one.client() as client:
        until(lambda: look_after(client)[two.url], "it has a pool", deadline_s=SOON_S)
        (pool,) = look_after(client)[two.url]
    with one.app.store.reading() as tx:
        (lease,) = [had for had in poolleases.every(tx) if had.pool == pool]
    ask = Ask(
        number=7, endpoint=pool, pool=pool, epoch=lease.epoch,
        operation="observe", arguments=Raw(ENCODER.encode(())),
    )  # fmt: skip
    assert isinstance(lending.answer(ask), Answer)
    for wrong, error in (
        (replace(ask, epoch=lease.epoch - 1), "Busy"),
        (replace(ask, epoch=lease.epoch + 1), "Busy"),
        (replace(ask, pool="nowhere"), "Busy"),
        (replace(ask, endpoint="nobody"), "NotFound"),
        (replace(ask, operation="power_off_vm"), "Denied"),
        (replace(ask, operation="measure", arguments=Raw(b"\xc1")), "Unreachable"),
    ):
        reply = lending.answer(wrong)
        assert isinstance(reply, Failure), reply
        assert (reply.number, reply.error) == (7, error), reply
    for key in ("", "x" * 64):
        with pytest.raises(Denied, match="not the key"):
            lending.check(key)
    with pytest.raises(InvalidStatus), link_to(two, key="x" * 64):
        pass


def link_to(manager: Manager, key: str) -> ClientConnection:
    url = manager.url.replace("http", "ws", 1) + PATH
    return connect(url, additional_headers={KEY_HEADER: key}, proxy=None)


class Far(Nobody):
    """Another manager that answers full readings with those of some other driver."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.judged: list[bool] = []
        self.reply: Reply | None = None

    def ask(self, *about: object) -> Any:
        self.asked.append(str(about[1]))
        return self.reply

    def judge(self, _: Endpoint, *, same: bool) -> bool:
        self.judged.append(same)
        return same


def test_the_first_word_of_a_reign_is_our_own(tmp_path: Path) -> None:
    """Before it the host's token is written: it refuses orders of the reign before from then on."""
    pool, far = WorkerPool(1, SystemClock()), Far()
    pool.lent = far
    try:
        uri = f"sim://word?hosts=1&vms=1&state={tmp_path}/world"
        driver = pool.driver(Endpoint(id=EndpointId("e"), driver="sim", uri=uri))
        for epoch in (1, 2):
            until_then = SystemClock().monotonic() + 60.0
            pool.obey(Mandate(site="0" * 12, epoch=epoch, until=until_then))
            driver.measure()
            assert not far.asked
            driver.observe()
            driver.measure()
            assert far.asked == (["measure"] if epoch == 1 else ["observe", "measure"])
            far.asked.clear()
    finally:
        pool.close()


def test_a_reading_of_other_hosts_is_thrown_away(tmp_path: Path) -> None:
    """As where the address is another host's for the other manager."""
    pool, far = WorkerPool(1, SystemClock()), Far()
    pool.lent = far
    try:
        ours, theirs = (
            Endpoint(
                id=EndpointId(name), driver="sim",
                uri=f"sim://{name}?hosts=1&vms=2&seed={seed}&state={tmp_path}/{name}",
            )
            for seed, name in enumerate(("ours", "theirs"))
        )  # fmt: skip
        driver = pool.driver(ours)
        first = driver.observe()
        told = Raw(ENCODER.encode(())), ""
        far.reply = pool.relay(theirs, "", "observe", told)
        assert driver.observe() == first
        far.reply = pool.relay(ours, "", "observe", told)
        assert driver.observe() == first
        assert far.judged == [False, True]
    finally:
        pool.close()


def test_workers_that_look_for_others_do_no_deed(tmp_path: Path) -> None:
    """Also when the manager around them is mistaken about what it was asked for."""
    pool = blind(WorkerPool(1, SystemClock()))
    try:
        uri = f"sim://deeds?hosts=1&vms=1&state={tmp_path}/world"
        endpoint = Endpoint(id=EndpointId("e"), driver="sim", uri=uri)
        driver = pool.driver(endpoint)
        (vm,) = driver.observe().vms
        with pytest.raises(Unreachable, match="lease"):
            driver.power_off_vm(vm.id, vm.host or HostId(""))
        assert driver.observe().vms[0].state is vm.state
    finally:
        pool.close()
