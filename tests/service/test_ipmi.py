"""The IPMI driver against somebody else's BMC: the real protocol, over UDP."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.drivers import presence
from anypool.drivers.ipmi import driver as ipmi
from anypool.drivers.ipmi.driver import IpmiDriver, connect
from anypool.errors import Denied, Invalid, OutcomeUnknown, Rejected, Unreachable
from anypool.model import BootOrder, Endpoint, EndpointId, HostId, Power
from tests.service.manager_kit import problem, running

HOST = HostId("9f0f3a5e-6a2e-4f7c-8f5e-2b1c3d4e5f61")
PASSWORD = "canary-of-ipmi"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "tests.service.ipmi_bmc", PASSWORD]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def made(port: int, password: str = PASSWORD) -> IpmiDriver:
    endpoint = Endpoint(
        id=EndpointId("b"),
        driver="ipmi",
        uri=f"ipmi://127.0.0.1:{port}",
        options=(("user", "operator"),),
    )
    found = connect(endpoint, password)
    assert isinstance(found, IpmiDriver)
    return found


def test_a_server_is_adopted_by_ipmi(port: int, tmp_path: Path) -> None:
    with running(tmp_path / "state") as manager, manager.client() as client:
        asked = {"user": "operator", "password": PASSWORD, "name": "old"}
        body = asked | {"address": f"ipmi://127.0.0.1:{port}"}
        wrong = client.post("/servers", json=body | {"password": "wrong"})
        assert "does not let operator in" in problem(wrong, 422)["detail"]
        one = client.post("/servers", json=body).json()
        assert (one["id"], one["name"], one["serial"]) == (HOST, "old", "SN-42")
        assert (one["adoption"], one["power"], one["memory_mib"]) == ("adopted", "off", 0)
        assert client.post("/servers/old/power", json={"to": "on"}).json()["power"] == "on"
        assert client.post("/servers/old/boot", json={"target": "Pxe"}).status_code == 200
        off = client.post("/servers/old/power", json={"to": "force-off"}).json()
        assert off["power"] == "off"
        client.post("/servers/old/boot", json={"target": "None"})
        problem(client.post("/servers/old/medium", json={}), 422)


@pytest.fixture(scope="module")
def driver(port: int) -> Iterator[IpmiDriver]:
    found = made(port)
    yield found
    found.close()


def test_it_is_found_without_a_login(port: int) -> None:
    assert presence.present("127.0.0.1", port)


def test_the_label_is_read(driver: IpmiDriver) -> None:
    info = driver.info()
    assert (info.product, info.hosts) == ("Contoso Old One", (HOST,))
    found = driver.hardware(HOST)
    assert (found.maker, found.model, found.serial) == ("Contoso", "Old One", "SN-42")
    assert found.asset_tag == "asset-7"
    assert found.memory_mib is None
    assert found.unread
    (server,) = driver.observe().servers
    assert (server.id, server.vendor, server.serial) == (HOST, "Contoso", "SN-42")


def test_power_is_switched_and_read(driver: IpmiDriver) -> None:
    driver.power_on_host(HOST)
    assert driver.power(HOST).power is Power.ON
    driver.power_off_host(HOST)
    assert driver.power(HOST).power is Power.OFF, "forced where the system cannot be asked"
    driver.force_off_host(HOST)
    assert driver.observe().servers[0].power is Power.OFF


def test_the_next_start_is_set_and_read_back(driver: IpmiDriver) -> None:
    driver.set_boot(HOST, BootOrder(target="Pxe"))
    assert driver.hardware(HOST).boot.target == "Pxe"
    driver.set_boot(HOST, BootOrder(target="None"))
    assert driver.hardware(HOST).boot.target == "None"
    with pytest.raises(OutcomeUnknown, match="said yes and tells"):
        driver.set_boot(HOST, BootOrder(target="Cd", once=False))
    with pytest.raises(Rejected, match="cannot boot from Usb"):
        driver.set_boot(HOST, BootOrder(target="Usb"))


def test_what_it_does_not_have_is_refused_and_the_session_lives(driver: IpmiDriver) -> None:
    with pytest.raises(Rejected):
        driver.hardware_log(HOST)
    assert driver.power(HOST).power is Power.OFF


def test_a_wrong_password_is_said(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = made(port, "wrong-canary")
    with pytest.raises(Denied, match="does not let operator in") as caught:
        found.power(HOST)
    assert "canary" not in f"{caught.value.message} {caught.value.hint}"
    found.close()


def test_one_that_does_not_answer_is_left_by_the_deadline(
    driver: IpmiDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipmi, "SHORT_S", 0.3)
    silent = made(9)
    with pytest.raises(Unreachable, match=r"within 0\.3 s"):
        silent.power(HOST)
    child = silent._child
    with pytest.raises(OutcomeUnknown):
        child.ask("switch", 0.3, to="off")
    silent.close()


def test_a_speaker_that_dies_is_started_anew(driver: IpmiDriver) -> None:
    driver.power(HOST)
    process = driver._child._process
    assert process is not None
    process.kill()
    process.wait()
    assert driver.power(HOST).power is Power.OFF


@pytest.mark.parametrize("uri", ["ipmi://", "ipmi://b/path", "ipmi://b:x", "ipmi://u:p@b"])
def test_an_address_is_a_host_and_a_port(uri: str) -> None:
    with pytest.raises(Invalid):
        connect(Endpoint(id=EndpointId("b"), driver="ipmi", uri=uri), "")
