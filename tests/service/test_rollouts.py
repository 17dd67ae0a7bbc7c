"""A pool is maintained host by host, from the command line and over HTTP, on simulated hosts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from anypool.cli import child
from anypool.drivers.sim import World
from anypool.model import HostId
from anypool.settings import Settings
from anypool.store.records import Role
from tests.service.manager_kit import Manager, finished, problem, running, until
from tests.service.process_kit import logged_in
from tests.unit.cli_kit import Terminal

QUICK = {"look_every_s": 0.02, "settle_s": 0.2, "host_away_s": 0.1}
AWAY_S = 2.0


class People:
    """Who reboots the hosts that are handed over; they come back after a while, or never."""

    def __init__(self, file: Path, pool: str) -> None:
        self.pool = pool
        self.world = World("staff", path=file)
        self.off: dict[str, float] = {}
        self.serviced: list[str] = []
        self.since: dict[str, float] = {}
        self.never: set[str] = set()
        self.most_off = 0

    def look(self, client: httpx.Client) -> None:
        """Reboot what is handed over, and let what was off long enough come back."""
        for run in client.get("/operations", params={"q": "state = running"}).json()["items"]:
            if not self.mine(run):
                continue
            steps = client.get(f"/operations/{run['id']}").json()["steps"]
            for step in steps:
                host = step["action"].get("host")
                if step["action"]["type"] != "hand-over" or step["state"] != "begun":
                    continue
                if host in self.serviced:
                    if time.monotonic() - self.since[host] > 4 * AWAY_S:  # seen too seldom
                        client.post(f"/hosts/{host}/ready")
                elif host not in self.off:
                    with self.world.turn() as state:
                        assert not [vm for vm in state.vms_on(HostId(host))
                                    if HostId(host) in state.running(vm)]  # fmt: skip
                    self.world.kill_host(HostId(host))
                    self.off[host] = time.monotonic()
        self.most_off = max(self.most_off, len(self.off))
        for host, since in tuple(self.off.items()):
            if time.monotonic() - since > AWAY_S and host not in self.never:
                self.back(host)

    def mine(self, run: dict[str, Any]) -> bool:
        return f"maintain pool {self.pool}:" in run["goal"]

    def back(self, host: str) -> None:
        self.world.boot_host(HostId(host))
        del self.off[host]
        self.serviced.append(host)
        self.since[host] = time.monotonic()


class Place:
    """A manager with a pool of three hosts of its own, and the people of that pool."""

    def __init__(self, client: httpx.Client, folder: Path, name: str) -> None:
        self.client = client
        self.pool = name
        file = folder / f"{name}.world"
        assert client.post("/pools", json={"name": name}).status_code == 201
        uri = f"sim://{name}?hosts=3&vms=6&seed={sum(map(ord, name))}&state={file}"
        body = {"uri": uri, "name": name, "pool": name}
        assert client.post("/endpoints", json=body).status_code == 201
        self.people = People(file, name)

    def hosts(self) -> list[dict[str, Any]]:
        found = self.client.get("/hosts", params={"q": f"pool = {self.pool}"}).json()["items"]
        return sorted(found, key=lambda host: str(host["name"]))

    def homes(self) -> dict[str, str]:
        mine = {host["id"] for host in self.hosts()}
        vms = self.client.get("/vms", params={"q": "state = running"}).json()["items"]
        return {vm["name"]: vm["host_name"] for vm in vms if vm["host"] in mine}

    def begin(self, **body: Any) -> str:
        answer = self.client.post(f"/pools/{self.pool}/maintain", json=body)
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"].endswith(answer.json()["id"])
        return str(answer.json()["id"])

    def get(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/rollouts/{key}").json()
        return found

    def until(self, key: str, *states: str) -> dict[str, Any]:
        def there() -> Any:
            self.people.look(self.client)
            seen = self.get(key)
            return seen if seen["state"] in states else None

        return until(there, f"{key} is {states}: {self.get(key)}", 60.0)


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("rollouts"), **QUICK) as made:
        yield made
    structlog.reset_defaults()


@pytest.fixture
def client(manager: Manager) -> Iterator[httpx.Client]:
    with manager.client() as made:
        yield made


@pytest.fixture
def anypool(
    manager: Manager, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", manager.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", manager.token())
    return Terminal(capsys)


def test_a_pool_is_maintained_from_the_forecast_to_the_end(
    client: httpx.Client, anypool: Terminal, tmp_path: Path
) -> None:
    place = Place(client, tmp_path, "east")
    before = place.homes()
    seen = anypool("pool", "maintain", "east", "--dry-run")
    assert seen.code == 0, seen.err
    assert "3 waves; no way has fewer" in seen.out
    assert "hand" in seen.out
    assert "Nothing was done" in seen.err
    assert client.get("/rollouts").json()["total"] == 0
    policy = {"name": "even", "scope": "pool = east", "rule": {"kind": "balance"}}
    assert client.post("/policies", json=policy).status_code == 201

    begun = anypool("pool", "maintain", "east", "--yes", "-o", "name")
    assert begun.code == 0, begun.err
    key = begun.out.strip()
    again = anypool("pool", "maintain", "east", "--yes")
    assert again.code == 5
    assert key in again.err

    def rests() -> bool:
        found = client.get("/policies/even").json()
        return key in str(found)

    until(rests, "the balance policy rests")
    found = place.until(key, "done", "waiting")
    assert found["state"] == "done", found
    assert found["hosts_done"] == 3
    assert place.people.most_off == 1
    assert place.people.serviced == [host["id"] for host in place.hosts()]
    assert place.homes() == before
    assert not any(host["maintenance"] for host in place.hosts())
    assert place.people.world.double_runs == ()
    until(lambda: not rests(), "the balance policy goes on")
    told = anypool("rollout", "show", key)
    assert "3 hosts maintained in 3 waves" in told.out
    assert anypool("rollout", "watch", key).code == 0
    assert key in anypool("rollout", "list", "-f", "pool = east and done = 3").out
    assert key not in anypool("rollout", "list", "-f", "state = paused").out
    newest = [one["started_at"] for one in client.get("/rollouts").json()["items"]]
    assert newest == sorted(newest, reverse=True)
    assert problem(client.get("/rollouts?q=colour = red"), 422)
    for plan in client.get("/plans").json()["items"]:
        made = client.get(f"/plans/{plan['id']}/replay").json()
        assert made["verdict"] == "same", made


def test_a_host_that_does_not_come_back_stops_all_until_somebody_continues(
    client: httpx.Client, anypool: Terminal, tmp_path: Path
) -> None:
    place = Place(client, tmp_path, "west")
    first, second, _ = place.hosts()
    place.people.never = {first["id"]}
    key = place.begin(hosts=[first["name"], second["name"]], return_s=3.0)
    found = place.until(key, "waiting", "done")
    assert found["state"] == "waiting"
    assert f"{first['name']} did not come back" in found["message"]
    assert found["hosts_done"] == 0
    told = anypool("rollout", "watch", key)
    assert told.code == 1
    assert f"anypool rollout continue {key}" in told.err
    assert not place.people.serviced
    place.people.back(first["id"])
    assert anypool("rollout", "continue", key).code == 0
    assert place.until(key, "waiting", "done")["state"] == "done"
    assert place.people.serviced == [first["id"], second["id"]]


def test_an_operator_says_ready_and_only_what_is_handed_over_can_be(
    client: httpx.Client, anypool: Terminal, tmp_path: Path
) -> None:
    place = Place(client, tmp_path, "north")
    first = place.hosts()[0]
    wrong = problem(client.post(f"/hosts/{first['id']}/ready"), 409)
    assert "not handed over" in wrong["detail"]
    key = place.begin(hosts=[first["name"]], seen=False, put_back=False)
    done = until(lambda: client.post(f"/hosts/{first['id']}/ready").status_code == 202, "ready")
    assert done
    found = until(lambda: place.get(key)["state"] == "done", "it is done")
    assert found
    assert first["name"] not in place.homes().values()


def test_what_is_in_the_way_is_named_beforehand(
    client: httpx.Client, anypool: Terminal, tmp_path: Path
) -> None:
    place = Place(client, tmp_path, "south")
    vm, host = next(iter(place.homes().items()))
    body = {"name": "held", "scope": f"name = {vm}", "rule": {"kind": "pinned"}}
    assert client.post("/policies", json=body).status_code == 201
    refused = anypool("pool", "maintain", "south", "--dry-run")
    assert refused.code == 6
    for words in (vm, host, "policy held", "--shut-down"):
        assert words in refused.err
    allowed = anypool("pool", "maintain", "south", "--dry-run", "--shut-down")
    assert allowed.code == 0, allowed.err
    assert f"start {vm} on {host}" in allowed.out
    assert client.delete("/policies/held").status_code == 204


def test_a_rollout_is_paused_continued_and_cancelled(
    client: httpx.Client, anypool: Terminal, tmp_path: Path
) -> None:
    place = Place(client, tmp_path, "mid")
    key = place.begin(seen=False)
    until(lambda: place.get(key)["operation"], "a wave begins")
    assert anypool("rollout", "pause", key).code == 0
    assert place.get(key)["state"] == "paused"
    assert anypool("rollout", "pause", key).code == 5
    assert anypool("rollout", "continue", key).code == 0
    operation = place.get(key)["operation"]

    def handed() -> bool:
        steps = client.get(f"/operations/{operation}").json()["steps"]
        return any(s["action"]["type"] == "hand-over" and s["state"] == "begun" for s in steps)

    until(handed, "a host is handed over")
    assert anypool("rollout", "cancel", key).code == 0
    found = place.get(key)
    assert found["state"] == "cancelled"
    assert "still closed" in found["message"]
    until(lambda: client.get(f"/operations/{operation}").json()["ended_at"], "its wave ends")
    (closed,) = [host for host in place.hosts() if host["maintenance"]]
    finished(client, client.post(f"/hosts/{closed['id']}/leave-maintenance"))
    assert anypool("rollout", "continue", key).code == 5


def test_bad_wishes_are_refused(manager: Manager, client: httpx.Client, tmp_path: Path) -> None:
    place = Place(client, tmp_path, "odd")
    assert problem(client.post("/pools/nowhere/maintain", json={}), 404)
    assert problem(client.post("/pools/odd/maintain", json={"hosts": ["nobody"]}), 404)
    assert problem(client.post("/pools/odd/maintain", json={"max_hosts": 0}), 422)
    assert problem(client.post("/pools/default/maintain", json={}), 422)
    mine = [place.hosts()[0]["id"]]
    other = problem(client.post("/pools/default/maintain", json={"hosts": mine}), 422)
    assert "is not in pool default" in other["detail"]
    assert problem(client.get("/rollouts/rollout-x"), 404)
    with manager.client(Role.VIEWER) as viewer:
        assert viewer.post("/pools/odd/maintain", json={}).status_code == 403
        assert viewer.get("/rollouts").status_code == 200


@contextmanager
def process(state: Path) -> Iterator[child.Manager]:
    with child.manager(Settings(state_dir=str(state), listen_port=0)) as made:
        yield made


def test_a_manager_that_is_killed_goes_on_in_the_same_wave(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    quick = "".join(f"{name} = {value}\n" for name, value in QUICK.items())
    (state / "anypool.toml").write_text(f"{quick}observe_every_s = 2.0\nlease_s = 2.0\n")
    with process(state) as manager:
        served = logged_in(manager)
        token = served.environment["ANYPOOL_TOKEN"]
        with http(manager.url, token) as client:
            place = Place(client, tmp_path, "far")
            before = place.homes()
            key = place.begin(hosts=[host["name"] for host in place.hosts()[:2]])

            def away() -> bool:
                place.people.look(client)
                return bool(place.people.off)

            until(away, "a host is rebooting")
        manager.kill()
    with process(state) as manager, http(manager.url, token) as client:
        place.client = client
        place.people.off = dict.fromkeys(place.people.off, time.monotonic())
        found = place.until(key, "done", "waiting")
        assert found["state"] == "done", found
        assert place.people.most_off == 1
        assert len(place.people.serviced) == len(set(place.people.serviced)) == 2
        assert place.homes() == before
    assert place.people.world.double_runs == ()
    assert place.people.world.losses == ()


def http(url: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{url}/api/v1", timeout=30.0, headers=headers)
