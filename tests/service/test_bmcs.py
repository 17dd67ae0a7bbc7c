"""A host is given its BMC: what is checked before it is kept, what is shown, what never is.

The BMC is a double of our own; the hosts are simulated, so that nothing says whose it is.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from anypool.errors import Conflict
from anypool.model import EndpointId, Host, HostId
from anypool.service.bmcs import identified
from anypool.store import facts, secrets
from anypool.store.records import Role
from tests.service.manager_kit import Manager, add_sim, problem, running, until
from tests.unit.redfish_kit import PASSWORD, SYSTEM, USER, UUID, Service, served

HOST = "demo-h1"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bmc-state")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("bmc")) as made:
        yield made


@pytest.fixture(scope="module")
def kept(state: Path) -> Iterator[Manager]:
    with running(state, bmc_every_s=0.5) as manager:
        yield manager


@pytest.fixture(scope="module")
def client(kept: Manager) -> Iterator[httpx.Client]:
    with kept.client() as client:
        add_sim(client)
        yield client


def path_of(client: httpx.Client, number: int = 0) -> str:
    return f"/hosts/{client.get('/hosts').json()['items'][number]['id']}/bmc"


def body(service: Service, **changes: Any) -> dict[str, Any]:
    trusted = {"url": service.url, "user": USER, "password": PASSWORD}
    return trusted | {"fingerprint": service.fingerprint, "vouch": True} | changes


REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"vouch": False}, 409, "nothing says that this is the BMC", "--vouch"),
    ({"fingerprint": ""}, 409, "nobody confirmed", "--fingerprint"),
    ({"fingerprint": "abc"}, 422, "not the SHA-256", "64 hexadecimal"),
    ({"fingerprint": "AB:" * 31 + "AB"}, 422, "another certificate", "in between"),
    ({"password": "wrong-canary"}, 422, "does not let operator in", "user and password"),
    ({"password": ""}, 422, "user and password", "--user"),
    ({"url": "http://127.0.0.1"}, 422, "no address of a BMC", "https://HOST"),
    ({"url": "https://me:secret@127.0.0.1"}, 422, "no address of a BMC", "https://HOST"),
    ({"url": "https://127.0.0.1:1"}, 503, "cannot be reached", "BMC's own page"),
    ({"system": "9"}, 404, "no system 9", "there are: 1"),
]


@pytest.mark.parametrize("wrong", REFUSED)
def test_what_is_not_right_is_refused_and_nothing_is_kept(
    client: httpx.Client, service: Service, wrong: tuple[dict[str, Any], int, str, str]
) -> None:
    changes, status, said, hint = wrong
    path = path_of(client)
    found = problem(client.post(path, json=body(service, **changes)), status)
    assert said in found["detail"]
    assert hint in found["hint"]
    for secret in (PASSWORD, "wrong-canary", "me:secret"):
        assert secret not in f"{found['detail']} {found['hint']}"
    assert problem(client.get(path), 404)["hint"].startswith("`anypool host set-bmc")


def test_a_bmc_must_name_the_machine_of_its_host() -> None:
    host = Host(id=HostId(UUID), name="h1", endpoint=EndpointId("e"))
    other = HostId(UUID.replace("9f", "8f"))
    assert identified(host, HostId(UUID.upper()), vouched=False)
    with pytest.raises(Conflict, match="is not the BMC of h1"):
        identified(host, other, vouched=False)
    with pytest.raises(Conflict, match="nothing says"):
        identified(host, HostId(""), vouched=False)
    assert not identified(host, other, vouched=True)


def test_a_bmc_that_says_off_while_the_host_answers_is_anothers(
    client: httpx.Client, service: Service
) -> None:
    service.power = "Off"
    try:
        found = problem(client.post(path_of(client), json=body(service)), 409)
    finally:
        service.power = "On"
    assert "says off" in found["detail"]
    assert f"POST {SYSTEM}/Actions/ComputerSystem.Reset" not in service.asked


def test_a_bmc_is_kept_shown_read_and_forgotten(
    kept: Manager, client: httpx.Client, service: Service, state: Path
) -> None:
    path = path_of(client)
    shown = client.post(f"{path}/certificate", json={"url": service.url}).json()
    assert shown == {"fingerprint": service.fingerprint}
    made = client.post(path, json=body(service, url=f"{service.url}/redfish/v1/"))
    assert made.status_code == 200, made.text
    bmc = made.json()
    assert (bmc["url"], bmc["system"], bmc["power"]) == (service.url, SYSTEM, "on")
    assert not bmc["identified"]
    service.extra["/redfish/v1/Chassis/1"] = {"EnvironmentMetrics": {"@odata.id": "/m"}}
    service.extra["/m"] = {"PowerWatts": {"Reading": 180}}
    first = bmc["read_at"]
    host = path.removesuffix("/bmc")
    until(lambda: client.get(host).json()["bmc"]["read_at"] > first, "it is read again")
    with kept.client(Role.VIEWER) as viewer:
        assert viewer.get(path).json()["user"] == USER
        assert viewer.post(path, json=body(service)).status_code == 403
        assert viewer.delete(path).status_code == 403

    other = problem(client.post(path_of(client, 1), json=body(service)), 409)
    assert "already" in other["detail"]

    service.faults[SYSTEM] = (302, {}, {"Location": "https://127.0.0.1:1/"})
    told = until(lambda: client.get(path).json()["message"], "it says why it knows nothing")
    assert "leads elsewhere" in told
    assert client.get(path).json()["read_at"]
    del service.faults[SYSTEM]

    assert client.delete(path).status_code == 204
    problem(client.get(path), 404)
    audit = client.get("/audit", params={"limit": 50}).text
    assert "switches it: Double" in audit
    assert "no BMC switches it any more" in audit
    assert PASSWORD not in audit
    for file in state.rglob("*"):
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes(), file


def test_it_goes_with_the_endpoint_of_its_host_and_survives_a_restart(
    service: Service, tmp_path: Path
) -> None:
    with running(tmp_path) as manager, manager.client() as client:
        add_sim(client)
        path = path_of(client)
        assert client.post(path, json=body(service)).status_code == 200
    with running(tmp_path, bmc_every_s=0.5) as manager, manager.client() as client:
        until(lambda: client.get(path).json().get("power") == "on", "it is read after a restart")
        endpoint = client.get("/endpoints").json()["items"][0]["id"]
        assert client.delete(f"/endpoints/{endpoint}").status_code == 204
        with manager.app.store.reading() as tx:
            assert facts.bmcs.all(tx) == ()
            assert PASSWORD not in secrets.texts(tx)
