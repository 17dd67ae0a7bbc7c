"""Identities written by Redfish: into the lab's blade, and into a BMC that keeps settings apart.

What is written is read back; a server that is on, or that bears something else, takes nothing.
"""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from werkzeug.serving import WSGIRequestHandler, make_server

from anypool.api.own_certificate import own
from anypool.drivers.redfish.channel import Channel
from anypool.drivers.redfish.driver import RedfishDriver
from anypool.errors import AnypoolError, Busy, NotSupported, OutcomeUnknown, Rejected, Unreachable
from anypool.lab.bmc_keys import BMC_USER
from anypool.model import AdapterKind, HostId, ProfileId, Server, ServerAbility, ServerId
from anypool.model.profile import BootWay, Identity, IscsiTarget, Means, ProfilePort
from tests.unit.redfish_kit import HOST, Service, served
from tests.unit.redfish_rack import FC, ISCSI, LAN, blade
from tests.unit.test_lab_blade_redfish import FUNCTION, SYSTEM, Bench

DB = ProfileId("db")
HERE = ServerId(HostId("here"))
MAC, WWPN, WWNN = "02:00:00:00:01:00", "50:01:23:45:00:00:01:00", "50:01:23:45:00:00:01:01"
NIC = ProfilePort(id="nic1", kind=AdapterKind.ETHERNET, address=MAC)
HBA = ProfilePort(id="hba1", kind=AdapterKind.FC, address=WWPN, node=WWNN)
TARGET = IscsiTarget(iqn="iqn.2026-11.local.store:db", address="10.0.0.5", lun=1)
PLAIN = Identity(profile=DB, name="db", epoch=1, ports=(NIC, HBA))
DISK = replace(PLAIN, initiator="iqn.2026-11.local:db", iscsi=(TARGET,), boot=(BootWay.ISCSI,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


class Kept(WSGIRequestHandler):
    """Leaves a connection open, and says nothing of requests."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        """Stay quiet."""


class Blade(Bench):
    """The lab's BMC of one blade, served over TLS; `driver` speaks to it."""

    driver: RedfishDriver

    @property
    def server(self) -> Server:
        (found,) = self.driver.observe().servers
        return found


@pytest.fixture
def lab(tmp_path: Path, folder: Path) -> Iterator[Blade]:
    made = Blade(tmp_path)
    shown = own(folder, frozenset({"localhost"}), 1_790_000_000.0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown.certificate, shown.key)
    server = make_server(
        "127.0.0.1", 0, made.app, threaded=True, request_handler=Kept, ssl_context=context
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    pinned = shown.fingerprint.replace(":", "").lower()
    channel = Channel(
        f"https://127.0.0.1:{server.server_port}", pinned, operation_s=10.0, silence_s=10.0
    )
    options = {"user": BMC_USER, "fingerprint": pinned, "system": SYSTEM, "proved": "iscsi,mac,wwn"}
    made.driver = RedfishDriver(channel, options, "secret")
    yield made
    made.driver.close()
    server.shutdown()
    thread.join(5.0)
    server.server_close()


def test_a_blade_takes_an_identity_and_gives_it_back(lab: Blade) -> None:
    before = lab.server
    assert before.abilities >= {ServerAbility.IDENTITY, ServerAbility.ADDRESSES}
    other = before.ports[1]
    for _ in range(2):
        lab.driver.apply_identity(HERE, PLAIN)
    nic, hba = lab.server.ports_of(AdapterKind.ETHERNET), lab.server.ports_of(AdapterKind.FC)
    assert (nic[0].address, hba[0].address, hba[0].node) == (MAC, WWPN, WWNN)
    assert (nic[0].permanent, hba[0].permanent) == (
        before.ports[0].address,
        before.ports[2].address,
    )
    assert nic[1] == other, "a port that the profile has none for keeps its own"
    for _ in range(2):
        lab.driver.withdraw_identity(HERE, DB)
    assert lab.server == before


def test_what_is_so_already_is_not_sent_again(lab: Blade) -> None:
    lab.driver.apply_identity(HERE, DISK)
    noted = len(lab.board.entries())
    lab.driver.apply_identity(HERE, DISK)
    assert len(lab.board.entries()) == noted


def test_a_target_to_boot_from_comes_and_goes_with_the_identity(lab: Blade) -> None:
    wished = replace(DISK, bios=(("ProcCores", "2"), ("Watchdog", "Disabled")))
    lab.driver.apply_identity(HERE, wished)
    card = lab.board.read().cards[0]
    assert (card.mac, card.boot_mode) == (MAC, "iSCSI")
    assert card.iscsi == {
        "InitiatorName": "iqn.2026-11.local:db",
        "PrimaryTargetName": TARGET.iqn,
        "PrimaryTargetIPAddress": "10.0.0.5",
        "PrimaryTargetTCPPort": 3260,
        "PrimaryLUN": 1,
    }
    kept = lab.board.read()
    assert (kept.boot.target, kept.boot.enabled) == ("Pxe", "Continuous")
    assert kept.pending == {"ProcCores": 2, "Watchdog": "Disabled"}
    lab.driver.withdraw_identity(HERE, DB)
    after = lab.board.read()
    assert (after.cards[0].iscsi, after.cards[0].boot_mode) == ({}, "PXE")
    assert after.boot.enabled == "Disabled"


def test_one_that_boots_from_the_network_is_told_so(lab: Blade) -> None:
    lab.patch(FUNCTION, BootMode="Disabled")
    lab.driver.apply_identity(HERE, replace(PLAIN, boot=(BootWay.NETWORK,)))
    kept = lab.board.read()
    assert (kept.cards[0].boot_mode, kept.boot.target, kept.boot.enabled) == (
        "PXE", "Pxe", "Continuous",
    )  # fmt: skip


def test_a_server_that_is_on_takes_and_gives_nothing(lab: Blade) -> None:
    lab.driver.apply_identity(HERE, PLAIN)
    lab.power = "On"
    with pytest.raises(Rejected, match="it is on"):
        lab.driver.apply_identity(HERE, PLAIN)
    with pytest.raises(Rejected, match="it is on"):
        lab.driver.withdraw_identity(HERE, DB)
    assert lab.board.read().cards[0].mac == MAC


def test_a_server_that_uses_an_address_which_is_not_its_own_takes_no_identity(lab: Blade) -> None:
    lab.patch(FUNCTION, Ethernet={"MACAddress": "02:00:00:00:09:09"})
    with pytest.raises(Rejected, match="uses 02:00:00:00:09:09"):
        lab.driver.apply_identity(HERE, DISK)
    card = lab.board.read().cards[0]
    assert (card.boot_mode, card.iscsi) == ("PXE", {}), "nothing was written before that was seen"


@pytest.mark.parametrize(
    ("wished", "error", "said"),
    [
        (replace(PLAIN, means=Means.NETBOOT), NotSupported, "boot service"),
        (replace(PLAIN, boot=(BootWay.FC,)), NotSupported, "boot by fc"),
        (replace(PLAIN, ports=(NIC, NIC, NIC)), Rejected, "2 ports of ethernet, 3 are needed"),
        (replace(PLAIN, bios=(("Turbo", "on"),)), Rejected, "has no Turbo"),
        (replace(PLAIN, bios=(("ProcCores", "many"),)), Rejected, "is a number"),
        (replace(PLAIN, bios=(("SerialConsole", "1"),)), Rejected, "true or false"),
    ],
)
def test_what_a_server_cannot_take_is_said_and_its_addresses_stay(
    lab: Blade, wished: Identity, error: type[AnypoolError], said: str
) -> None:
    before = lab.board.read()
    with pytest.raises(error, match=said):
        lab.driver.apply_identity(HERE, wished)
    assert lab.board.read().cards == before.cards


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    """A BMC whose LAN port has a settings object, off."""
    with served(folder) as made:
        found = blade(made)
        for path in [one for one in found if "EthernetInterfaces" in one]:
            del found[path]
        made.power = "Off"
        found["/redfish/v1/Systems/1"]["PowerState"] = "Off"
        yield made


def used(driver: RedfishDriver) -> list[str]:
    (server,) = driver.observe().servers
    return [port.address for port in server.ports]


def test_values_for_the_next_start_are_written_and_read_where_they_are_kept(
    service: Service,
) -> None:
    driver = service.driver()
    driver.apply_identity(HERE, DISK)
    assert {path for path, _ in service.patches} >= {f"{LAN}/Settings", FC, ISCSI}
    assert service.extra[LAN]["Ethernet"]["MACAddress"] != MAC, "it is not in use yet"
    assert used(driver) == [MAC, WWPN], "it is what the server starts with"
    assert service.extra[ISCSI]["iSCSIBoot"]["PrimaryTargetName"] == TARGET.iqn
    driver.withdraw_identity(HERE, DB)
    assert used(driver) == ["12:44:6a:3b:04:11", "10:00:b0:5a:dd:bb:74:e0"]


def test_what_is_set_for_the_next_start_is_not_told_of_a_server_that_is_on(
    service: Service,
) -> None:
    driver = service.driver()
    driver.apply_identity(HERE, PLAIN)
    assert MAC in used(driver)
    service.extra["/redfish/v1/Systems/1"]["PowerState"] = "On"
    assert MAC not in used(driver), "its power changed, so its adapters are read anew"


@pytest.mark.parametrize("place", [f"{LAN}/Settings", FC, ISCSI])
def test_a_bmc_that_says_yes_and_writes_nothing_is_found_out(service: Service, place: str) -> None:
    service.deaf = {place}
    with pytest.raises(OutcomeUnknown, match="did not change"):
        service.driver().apply_identity(HERE, DISK)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((409, {"error": {"message": "busy"}}, {}), Unreachable),
        ("half", Unreachable),
        ("hang", Unreachable),
        ("page", Unreachable),
    ],
)
def test_a_server_that_cannot_be_read_whole_is_not_written(
    service: Service, fault: Any, error: type[AnypoolError]
) -> None:
    service.faults = {FC: fault}
    with pytest.raises(error):
        service.driver().apply_identity(HERE, PLAIN)
    assert service.patches == []


def test_a_bmc_that_is_busy_is_asked_again_later(service: Service) -> None:
    service.refusing = {f"{LAN}/Settings": 409}
    driver = service.driver()
    with pytest.raises(Busy):
        driver.apply_identity(HERE, PLAIN)
    service.refusing = {}
    driver.apply_identity(HERE, PLAIN)
    assert used(driver) == [MAC, WWPN]


def test_a_port_that_does_not_say_what_it_was_built_with_takes_no_address(
    service: Service,
) -> None:
    del service.extra[FC]["FibreChannel"]["PermanentWWPN"]
    driver = service.driver(proved="iscsi,mac,wwn")
    (server,) = driver.observe().servers
    assert ServerAbility.IDENTITY not in server.abilities
    with pytest.raises(Rejected, match="could not be given back"):
        driver.apply_identity(HERE, PLAIN)
    assert service.patches == []


def test_an_etag_that_never_changes_hides_nothing_that_was_written(service: Service) -> None:
    service.etags = True
    driver = service.driver()
    used(driver)
    driver.apply_identity(HERE, PLAIN)
    assert used(driver) == [MAC, WWPN]
    assert driver.hardware(HOST).cards[0].functions[1].wwpn == WWPN
