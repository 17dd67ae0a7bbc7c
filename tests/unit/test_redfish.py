"""The client of BMCs, against a service that misbehaves (a double of our own)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool.drivers.redfish.driver import connect
from anypool.errors import (
    AnypoolError,
    Busy,
    Denied,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unreachable,
)
from anypool.model import Endpoint, EndpointId, HostId, Power, PowerReading, VmId, same_hardware
from tests.unit.redfish_kit import HOST, PASSWORD, RESET, SYSTEM, UUID, Service, served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bmc")


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    with served(folder) as made:
        yield made


def test_first_contact_shows_the_certificate_and_sends_nothing(service: Service) -> None:
    info = service.driver(fingerprint="").info()
    assert info.certificate == service.fingerprint
    assert service.asked == []
    with pytest.raises(Denied, match="not confirmed"):
        service.driver(fingerprint="").power(HOST)
    assert service.asked == []


def test_another_certificate_gets_no_request(service: Service) -> None:
    for deed in ("info", "power", "power_off_host", "force_off_host"):
        driver = service.driver(fingerprint="0" * 64)
        with pytest.raises(Denied, match="another certificate"):
            getattr(driver, deed)(*(() if deed == "info" else (HOST,)))
    assert service.asked == []


def test_the_system_says_who_it_is(service: Service) -> None:
    info = service.driver().info()
    assert info.product == "Double One[31m"
    assert info.version == "1.15.0"
    assert info.system == SYSTEM
    assert same_hardware(HOST, info.hosts[0])


def test_uuids_are_compared_in_either_byte_order() -> None:
    swapped = "5e3a0f9f-2e6a-7c4f-8f5e-2b1c3d4e5f60"
    assert same_hardware(HOST, swapped)
    assert same_hardware(HOST, swapped.replace("60", "61")) is False
    assert same_hardware(HostId("sim-h1"), UUID) is None
    assert same_hardware(HOST, "") is None


@pytest.mark.parametrize("sessions", [True, False])
def test_power_is_switched_and_read(service: Service, sessions: bool) -> None:
    service.sessions = sessions
    driver = service.driver()
    assert driver.power(HOST) == PowerReading(power=Power.ON)
    driver.power_off_host(HOST)
    assert driver.power(HOST).power is Power.OFF
    driver.power_on_host(HOST)
    assert driver.power(HOST).power is Power.ON
    driver.force_off_host(HOST)
    assert driver.power(HOST).power is Power.OFF
    logins = [one for one in service.asked if one.startswith("POST") and "Session" in one]
    assert len(logins) == int(sessions)
    driver.close()
    assert not service.tokens


def test_a_service_that_ends_each_connection_is_spoken_to_all_the_same(service: Service) -> None:
    service.closes = True
    driver = service.driver()
    driver.power_off_host(HOST)
    assert driver.power(HOST).power is Power.OFF


def test_nothing_is_sent_where_it_is_so_already(service: Service) -> None:
    service.driver().power_on_host(HOST)
    assert f"POST {RESET}" not in service.asked


@pytest.mark.parametrize(
    ("resets", "sent"), [(["On", "ForceOff"], "ForceOff"), (["GracefulShutdown"], "GracefulShut")]
)
def test_off_is_graceful_where_that_is_offered(
    service: Service, resets: list[str], sent: str
) -> None:
    service.resets = resets
    service.driver().power_off_host(HOST)
    assert service.power == "Off", sent


def test_a_push_of_the_button_is_never_tried(service: Service) -> None:
    service.resets = ["PushPowerButton"]
    with pytest.raises(Rejected, match="offers no GracefulShutdown"):
        service.driver().power_off_host(HOST)
    assert f"POST {RESET}" not in service.asked


@pytest.mark.parametrize("state", ["PoweringOff", "Paused", "", None, 7])
def test_anything_but_on_and_off_is_unknown(service: Service, state: Any) -> None:
    service.power = state
    assert service.driver().power(HOST).power is Power.UNKNOWN


def test_a_session_that_was_forgotten_is_made_anew(service: Service) -> None:
    driver = service.driver()
    driver.power(HOST)
    service.tokens.clear()
    assert driver.power(HOST).power is Power.ON


@pytest.mark.parametrize("sessions", [True, False])
def test_a_wrong_password_is_said_and_not_repeated(service: Service, sessions: bool) -> None:
    service.sessions = sessions
    with pytest.raises(Denied, match="does not let operator in") as caught:
        service.driver(password="wrong-canary").info()
    assert "user and password" in caught.value.hint
    assert "wrong-canary" not in f"{caught.value.message} {caught.value.hint}"
    assert len(service.asked) <= 3


FAULTS: list[tuple[str, Any, type[AnypoolError], str]] = [
    (SYSTEM, (302, {}, {"Location": "https://127.0.0.1:1/steal"}), Rejected, "leads elsewhere"),
    (SYSTEM, (404, {}, {}), NotFound, "has no /redfish"),
    (SYSTEM, (503, {}, {}), Busy, "too much"),
    (SYSTEM, (500, {"error": {"message": "boom\x07"}}, {}), Unreachable, "500 boom"),
    (SYSTEM, "half", Unreachable, "no answer that can be read"),
    (SYSTEM, "huge", Unreachable, "longer than 1 MiB"),
    (SYSTEM, "hang", Unreachable, "too long"),
    (SYSTEM, "page", Unreachable, "not Redfish"),
    ("/redfish/v1/", (404, {}, {}), NotFound, "no Redfish service"),
    ("/redfish/v1/", (200, {"hello": 1}, {}), NotFound, "no Redfish service"),
    ("/redfish/v1/Systems", (200, {"Members": 3}, {}), Invalid, "has 0 systems"),
]


@pytest.mark.parametrize(("path", "fault", "error", "said"), FAULTS)
def test_a_reading_that_fails_says_how(
    service: Service, path: str, fault: Any, error: type[AnypoolError], said: str
) -> None:
    service.faults[path] = fault
    with pytest.raises(error, match=said) as caught:
        service.driver().power(HOST)
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("half", OutcomeUnknown),
        ("hang", OutcomeUnknown),
        ((500, {}, {}), OutcomeUnknown),
        ((503, {}, {}), Busy),
        ((403, {}, {}), Denied),
        ((400, {"error": {"message": "no such kind"}}, {}), Rejected),
        ((404, {}, {}), Rejected),
        ((307, {}, {"Location": "https://127.0.0.1:1/steal"}), Rejected),
    ],
)
def test_a_switching_that_may_have_happened_is_an_unknown_outcome(
    service: Service, fault: Any, error: type[AnypoolError]
) -> None:
    service.faults[RESET] = fault
    with pytest.raises(error):
        service.driver().power_off_host(HOST)


def test_a_conflict_is_read_again_and_not_guessed(service: Service) -> None:
    driver = service.driver()
    service.faults[RESET] = (409, {"error": {"message": "busy"}}, {})
    with pytest.raises(Busy, match="for now"):
        driver.power_off_host(HOST)


def test_credentials_follow_no_redirect_and_no_link_elsewhere(
    service: Service, tmp_path: Path
) -> None:
    with served(tmp_path) as thief:
        service.faults[SYSTEM] = (307, {}, {"Location": f"{thief.url}{SYSTEM}"})
        with pytest.raises(Rejected):
            service.driver().power(HOST)
        del service.faults[SYSTEM]
        for place in (f"{thief.url}{SYSTEM}", f"//{thief.url[8:]}{SYSTEM}", "relative", 5):
            service.systems = [place]  # type: ignore[list-item]
            with pytest.raises(Invalid, match="0 systems"):
                service.driver().power(HOST)
        assert thief.asked == []


def test_a_system_is_chosen_by_id_or_path(service: Service) -> None:
    service.systems = [SYSTEM, "/redfish/v1/Systems/2"]
    with pytest.raises(Invalid, match="has 2 systems") as several:
        service.driver().info()
    assert "--system: 1, 2" in several.value.hint
    assert service.driver(system="1").info().system == SYSTEM
    assert service.driver(system=SYSTEM).info().system == SYSTEM
    with pytest.raises(NotFound, match="no system 7") as none:
        service.driver(system="7").info()
    assert "there are: 1, 2" in none.value.hint


CHASSIS = "/redfish/v1/Chassis/1"
POWER = {"PowerControl": [{"PowerConsumedWatts": 212}]}
METRICS = {"PowerWatts": {"Reading": 211.5}}
ALONE = {"Power": {"@odata.id": f"{CHASSIS}/Power"}}


@pytest.mark.parametrize(
    ("extra", "watts"),
    [
        ({}, None),
        ({CHASSIS: ALONE, f"{CHASSIS}/Power": POWER}, 212.0),
        ({CHASSIS: {"EnvironmentMetrics": {"@odata.id": "/m"}}, "/m": METRICS}, 211.5),
        (
            {
                CHASSIS: ALONE | {"Links": {"ComputerSystems": [{}, {}]}},
                f"{CHASSIS}/Power": POWER,
            },
            None,
        ),
        (
            {CHASSIS: ALONE, f"{CHASSIS}/Power": {"PowerControl": [{"PowerConsumedWatts": -3}]}},
            None,
        ),
        ({CHASSIS: ALONE, f"{CHASSIS}/Power": {"PowerControl": "no"}}, None),
    ],
)
def test_watts_are_read_where_the_service_says_them(
    service: Service, extra: dict[str, dict[str, Any]], watts: float | None
) -> None:
    service.extra = extra
    driver = service.driver()
    assert [driver.power(HOST).watts for _ in range(2)] == [watts, watts]


def test_power_is_read_where_watts_cannot_be(service: Service) -> None:
    service.faults[CHASSIS] = (500, {}, {})
    assert service.driver().power(HOST) == PowerReading(power=Power.ON)


@pytest.mark.parametrize(
    "url", ["http://bmc", "https://", "https://u:p@bmc", "bmc", "https://bmc:99999", "ftp://bmc"]
)
def test_an_address_is_https_and_holds_no_user(url: str) -> None:
    with pytest.raises(Invalid, match=r"address of a BMC|Port out of range"):
        connect(Endpoint(id=EndpointId("b"), driver="redfish", uri=url), "")


def test_nobody_there_and_no_tls_are_said(service: Service) -> None:
    service.url = "https://127.0.0.1:1"
    with pytest.raises(Unreachable, match="cannot be reached"):
        service.driver().power(HOST)


def test_it_knows_no_vms(service: Service) -> None:
    missing = service.driver().observe_vms((VmId("v"),)).missing
    assert missing == (VmId("v"),)
