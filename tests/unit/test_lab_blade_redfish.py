"""What a blade's Redfish service says and takes, without a blade that runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from anypool.lab.blades import hardware, routes, service_routes
from anypool.lab.blades.board import Board
from anypool.lab.blades.routes import Blade
from anypool.lab.blades.subscriptions import Teller
from anypool.lab.bmc_lock import Locked
from anypool.lab.places import LabPlaces
from anypool.lab.spec import LabSpec

SERVER = LabSpec(name="one", hosts=0, spares=0, blades=1).servers()[0]
ROOT = "/redfish/v1"
SYSTEM = f"{ROOT}/Systems/{SERVER.uuid}"
FUNCTION = f"{ROOT}/Chassis/b1/NetworkAdapters/CNA1/NetworkDeviceFunctions/1"


class Bench:
    """One blade's service; `power` is what its power is said to be."""

    def __init__(self, folder: Path) -> None:
        places = LabPlaces(folder)
        places.bmc_password.write_text("secret\n")
        self.board = Board(places.server(SERVER.name))
        self.board.folder.mkdir(parents=True)
        self.board.write(hardware.made(SERVER, 1024))
        self.power = "Off"
        blade = Blade(SERVER, self.board, "one", lambda: self.power)
        self.app: flask.Flask = routes.application(lambda: blade)
        self.lock = Locked(self.app, places)
        self.teller = Teller(places, (SERVER,))
        service_routes.add_sessions(self.app, lambda: blade, self.lock)
        service_routes.add_events(self.app, lambda: blade, self.teller)
        service_routes.add_log(self.app, lambda: blade)
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.text)
        found: dict[str, Any] = answer.get_json()
        return found

    def patch(self, path: str, status: int = 200, **sent: Any) -> dict[str, Any]:
        answer = self.client.patch(path, json=sent)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.get_json()
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


ELSEWHERE = ("VirtualMedia", "SecureBoot", "UpdateService", "CertificateService", "TaskService")
"""What sushy-tools answers."""


def links(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        yield from (found[name] for name in ("@odata.id", "Uri") if name in found)
        for value in found.values():
            yield from links(value)
    elif isinstance(found, list):
        for value in found:
            yield from links(value)


def test_every_link_leads_to_a_resource_that_says_the_same_of_itself(bench: Bench) -> None:
    seen: set[str] = set()
    waiting = [f"{ROOT}/"]
    while waiting:
        path = waiting.pop().partition("#")[0]
        if path in seen or any(f"/{name}" in path for name in ELSEWHERE):
            continue
        seen.add(path)
        if path == f"{ROOT}/Systems" or path == f"{ROOT}/Managers":
            continue
        found = bench.get(path)
        assert found["@odata.id"] == path
        assert found["@odata.type"].startswith("#")
        assert "Members" in found or found["Id"]
        waiting += links(found)
    assert FUNCTION in seen
    assert f"{SYSTEM}/Storage/1/Drives/Disk0" in seen
    assert len(seen) > 30


def test_a_cards_addresses_are_written_and_those_it_was_made_with_stay(bench: Bench) -> None:
    made = bench.get(FUNCTION)["Ethernet"]["MACAddress"]
    sent = {
        "Ethernet": {"MACAddress": "02:AA:00:00:00:01"},
        "FibreChannel": {"WWPN": "20:00:02:aa:00:00:00:01"},
        "iSCSIBoot": {"PrimaryTargetName": "iqn.2026-11.lab:disk", "PrimaryLUN": 1},
        "BootMode": "iSCSI",
    }
    said = bench.patch(FUNCTION, **sent)
    assert said["Ethernet"] == {"MACAddress": "02:aa:00:00:00:01", "PermanentMACAddress": made}
    assert said["FibreChannel"]["WWPN"] == "20:00:02:aa:00:00:00:01"
    assert said["FibreChannel"]["PermanentWWPN"] != said["FibreChannel"]["WWPN"]
    assert said["iSCSIBoot"]["PrimaryTargetName"] == "iqn.2026-11.lab:disk"
    shown = bench.get(f"{SYSTEM}/EthernetInterfaces/NIC1")
    assert (shown["MACAddress"], shown["PermanentMACAddress"]) == ("02:aa:00:00:00:01", made)
    bench.patch(FUNCTION, Ethernet={"MACAddress": None})
    assert bench.get(FUNCTION)["Ethernet"]["MACAddress"] == made


def test_a_blade_that_is_on_takes_no_addresses(bench: Bench) -> None:
    bench.power = "On"
    said = bench.patch(FUNCTION, 409, Ethernet={"MACAddress": "02:aa:00:00:00:01"})
    assert "on" in said["error"]["message"]
    assert said["error"]["@Message.ExtendedInfo"][0]["Resolution"]


@pytest.mark.parametrize(
    "sent",
    [
        {"Ethernet": {"MACAddress": "not one"}},
        {"Ethernet": {"MACAddress": "03:aa:00:00:00:01"}},
        {"Ethernet": {"PermanentMACAddress": "02:aa:00:00:00:01"}},
        {"Ethernet": 7},
        {"FibreChannel": {"WWPN": "02:aa:00:00:00:01"}},
        {"iSCSIBoot": {"PrimaryLUN": "one"}},
        {"iSCSIBoot": {"Nonsense": 1}},
        {"BootMode": "Loudly"},
        {"Id": "2"},
    ],
)
def test_nonsense_for_a_card_is_refused_and_changes_nothing(
    bench: Bench, sent: dict[str, Any]
) -> None:
    before = bench.board.read()
    bench.patch(FUNCTION, 400, **sent)
    assert bench.board.read() == before


def test_two_cards_of_a_blade_never_have_one_address(bench: Bench) -> None:
    other = bench.get(FUNCTION[:-1] + "2")["Ethernet"]["MACAddress"]
    bench.patch(FUNCTION, 409, Ethernet={"MACAddress": other})


def test_other_blades_are_not_behind_this_controller(bench: Bench) -> None:
    assert bench.client.get(f"{ROOT}/Systems/another").status_code == 404
    assert bench.client.get(f"{ROOT}/Chassis/b2").status_code == 404
    assert bench.client.get(FUNCTION[:-1] + "3").status_code == 404


def test_the_boot_override_and_the_bios_are_written(bench: Bench) -> None:
    bench.patch(SYSTEM, Boot={"BootSourceOverrideTarget": "Pxe"})
    boot = bench.get(SYSTEM)["Boot"]
    assert (boot["BootSourceOverrideTarget"], boot["BootSourceOverrideEnabled"]) == ("Pxe", "Once")
    bench.patch(SYSTEM, 400, Boot={"BootSourceOverrideTarget": "Tape"})
    bench.patch(SYSTEM, 400, Boot={"BootSourceOverrideTarget": "UefiHttp"})
    bench.patch(f"{SYSTEM}/Bios/Settings", Attributes={"BootOrder": "Network,Hdd"})
    assert bench.get(f"{SYSTEM}/Bios")["Attributes"]["BootOrder"] == "Hdd,Network"
    assert bench.get(f"{SYSTEM}/Bios/Settings")["Attributes"]["BootOrder"] == "Network,Hdd"
    bench.patch(f"{SYSTEM}/Bios/Settings", 400, Attributes={"BootOrder": "Tape"})
    bench.patch(f"{SYSTEM}/Bios/Settings", 400, Attributes={"Overclock": True})


def test_a_session_lets_in_until_it_is_ended(bench: Bench) -> None:
    sessions = f"{ROOT}/SessionService/Sessions"
    wrong = {"UserName": "operator", "Password": "guess"}
    assert bench.client.post(sessions, json=wrong).status_code == 401
    answer = bench.client.post(sessions, json=wrong | {"Password": "secret"})
    assert answer.status_code == 201
    token, where = answer.headers["X-Auth-Token"], answer.headers["Location"]
    assert asked(bench, SYSTEM, token) == 200
    assert asked(bench, SYSTEM, "guess") == 401
    assert asked(bench, f"{ROOT}/", "") == 200
    assert bench.client.delete(where).status_code == 204
    assert asked(bench, SYSTEM, token) == 401


def asked(bench: Bench, path: str, token: str) -> int:
    """The status that one behind the lock gets."""
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": SERVER.bmc_address,
        "SERVER_PORT": "443",
        "wsgi.url_scheme": "https",
        "HTTP_X_AUTH_TOKEN": token,
    }
    list(bench.lock(environ, lambda status, headers: said.append(status)))
    return int(said[0][:3])


def test_what_happens_is_logged_and_told_to_listeners(bench: Bench) -> None:
    with bench.teller.stream("b1") as arriving:
        bench.board.note("power-on", "the blade is switched on")
        bench.board.note("watchdog", "its watchdog was fed no more")
        bench.teller.turn("b1")
        told = [flask.json.loads(arriving.get(timeout=1)) for _ in range(2)]
    assert [one["Events"][0]["EventId"] for one in told] == ["1", "2"]
    assert told[0]["Events"][0]["MessageId"] == "ResourceEvent.1.3.ResourcePoweredOn"
    assert told[1]["Events"][0]["MessageSeverity"] == "Critical"
    log = f"{SYSTEM}/LogServices/SEL"
    assert [one["Id"] for one in bench.get(f"{log}/Entries")["Members"]] == ["1", "2"]
    assert bench.client.post(f"{log}/Actions/LogService.ClearLog").status_code == 204
    assert bench.get(f"{log}/Entries")["Members"] == []


def test_subscriptions_are_made_shown_and_ended(bench: Bench) -> None:
    every = f"{ROOT}/EventService/Subscriptions"
    answer = bench.client.post(every, json={"Destination": "http://10.77.0.254/x", "Context": "me"})
    where = answer.headers["Location"]
    assert bench.get(where)["Context"] == "me"
    assert bench.client.post(every, json={"Destination": "file:///etc"}).status_code == 400
    assert bench.client.delete(where).status_code == 204
    assert bench.get(every)["Members"] == []
