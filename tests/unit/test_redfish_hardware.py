"""What a BMC tells of a server: read whole, within bounds, never as a wrong value."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool.drivers.limits import DEADLINES_S
from anypool.drivers.redfish import driver, fields, walk
from anypool.errors import Invalid, NotFound, NotSupported, OutcomeUnknown, Rejected, Unreachable
from anypool.model import (
    BootOrder,
    Changes,
    Condition,
    IscsiBoot,
    MediumOrder,
    Power,
    Writable,
)
from tests.unit.redfish_kit import HOST, STREAM, SYSTEM, UUID, Service, served
from tests.unit.redfish_rack import BLADE, BMC, BOX, CD, DRIVE, FC, ISCSI, LAN, OA1, OA2, V1, blade


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bmc")


@pytest.fixture
def service(folder: Path) -> Iterator[Service]:
    with served(folder) as made:
        blade(made)
        yield made


def test_the_label_and_the_sums_are_read(service: Service) -> None:
    found = service.driver().hardware(HOST)
    assert (found.uuid, found.maker, found.model) == (UUID, "Contoso", "B9000")
    assert (found.serial, found.name, found.bios) == ("437XR1138R2", "web483", "P79 v1.45")
    assert (found.memory_mib, found.threads, found.power) == (98304, 32, Power.ON)
    assert found.health is Condition.WARNING, "the worst of its parts counts"
    assert found.unread == ()
    assert found.abilities >= {"event-service", "virtual-media", "boot-override", "sessions"}


def test_parts_that_are_plugged_in_are_told_and_empty_places_are_not(service: Service) -> None:
    found = service.driver().hardware(HOST)
    (cpu,) = found.processors
    assert (cpu.slot, cpu.cores, cpu.threads, cpu.mhz) == ("CPU 1", 8, 16, 3700)
    (module,) = found.memory
    assert (module.slot, module.size_mib, module.kind) == ("DIMM A1", 32768, "DDR4")
    (unit,) = found.storage
    assert (unit.model, unit.firmware) == ("MR-16i", "52.1")
    (drive,), (raid,) = unit.drives, unit.volumes
    assert (drive.media, drive.size_bytes, drive.life_left_percent) == ("SSD", 960197124096, 97)
    assert (raid.level, raid.drives) == ("RAID1", 2)
    (bios,) = found.firmware
    assert (bios.version, bios.updateable) == ("P79 v1.45", True)


def test_cards_are_told_with_addresses_and_an_interface_is_not_told_twice(
    service: Service,
) -> None:
    mezzanine, onboard = service.driver().hardware(HOST).cards
    assert (mezzanine.model, mezzanine.firmware, mezzanine.slot) == ("CNA 2x25", "7.4.10", "Mezz 1")
    lan, fibre, iscsi = mezzanine.functions
    assert (lan.mac, lan.link_up, lan.mbit_s) == ("12:44:6a:3b:04:11", True, 25000)
    assert (fibre.wwpn, fibre.wwnn) == ("10:00:b0:5a:dd:bb:74:e0", "10:00:b0:5a:dd:bb:74:e1")
    assert iscsi.iscsi == IscsiBoot(
        initiator="iqn.2026-01.com.contoso:b3",
        target="iqn.2026-01.com.contoso:t",
        address="10.0.0.5",
        port=3260,
        lun=1,
    )
    assert lan.may_write("mac") is fibre.may_write("wwn") is Writable.TOLD
    assert iscsi.may_write("iscsi") is Writable.UNKNOWN
    (other,) = onboard.functions
    assert (other.name, other.mac, other.link_up) == ("onboard", "aa:bb:cc:00:11:22", False)


def test_a_blade_is_told_in_its_enclosure(service: Service) -> None:
    found = service.driver().hardware(HOST)
    own, box = found.chassis
    assert (own.path, own.slot, own.inside) == (BLADE, "3", BOX)
    assert [(bay.slot, bay.kind, bay.name) for bay in box.bays] == [
        ("3", "server", "Blade 3"),
        ("", "module", "Switch A"),
    ]
    (fan,), (supply,) = box.fans, box.supplies
    assert (fan.reading, fan.unit, supply.watts) == (2200.0, "RPM", 2400.0)
    assert box.managers == (OA1, OA2)
    bmc, first, second = found.controllers
    assert (bmc.path, bmc.firmware, bmc.active) == (BMC, "2.81", True)
    assert (first.path, first.active) == (OA1, True)
    assert (second.path, second.active) == (OA2, False), "it is there in reserve"


def test_sensors_and_the_log_are_read(service: Service) -> None:
    driver = service.driver()
    cpu, inlet = driver.sensors(HOST)
    assert (cpu.reading, cpu.unit, cpu.health) == (41.5, "Cel", Condition.WARNING)
    assert (inlet.name, inlet.kind, inlet.reading) == ("Inlet", "Temperature", 24.0)
    entries = driver.hardware_log(HOST)
    assert [(one.id, one.at > 0) for one in entries] == [("3", False), ("1", True), ("2", True)]
    assert (entries[2].severity, entries[2].message) == (Condition.CRITICAL, "Fan 2 failed")
    assert entries[1].severity is Condition.UNKNOWN


GAPS: list[tuple[str, Any, str]] = [
    (DRIVE, "half", "drives"),
    (DRIVE, "huge", "drives"),
    (DRIVE, "page", "drives"),
    (DRIVE, (500, {}, {}), "drives"),
    (DRIVE, (403, {}, {}), "drives"),
    (DRIVE, (302, {}, {"Location": "https://127.0.0.1:1/x"}), "drives"),
    (DRIVE, (304, None, {}), "drives"),
    (f"{SYSTEM}/Memory", (200, {"Members": "none"}, {}), "memory"),
    (f"{V1}/UpdateService", (503, {}, {}), "firmware"),
]


@pytest.mark.parametrize(("path", "fault", "what"), GAPS)
def test_what_cannot_be_read_is_said_and_the_rest_is_told(
    service: Service, path: str, fault: Any, what: str
) -> None:
    service.faults[path] = fault
    found = service.driver().hardware(HOST)
    assert [one.partition(":")[0] for one in found.unread] == [what]
    assert found.cards


def test_a_system_that_cannot_be_read_is_an_error_and_no_empty_server(service: Service) -> None:
    service.faults[SYSTEM] = "half"
    with pytest.raises(Unreachable):
        service.driver().hardware(HOST)


def test_what_hangs_ends_by_the_one_deadline(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anypool.drivers.redfish.driver.WALK_S", 2.0)
    service.faults[f"{SYSTEM}/Processors"] = "hang"
    found = service.driver().hardware(HOST)
    assert any(one.startswith("processors") for one in found.unread)


WRONG = [None, "7", True, -1, 1.5, 10**400, [], {}, float("nan")]


@pytest.mark.parametrize("value", WRONG)
def test_a_value_of_the_wrong_type_is_none(service: Service, value: Any) -> None:
    service.extra[DRIVE]["CapacityBytes"] = value
    service.extra[SYSTEM]["MemorySummary"] = value
    service.extra[SYSTEM]["SerialNumber"] = value if not isinstance(value, str) else 7
    found = service.driver().hardware(HOST)
    assert found.storage[0].drives[0].size_bytes is None
    assert (found.memory_mib, found.serial) == (None, "")


@pytest.mark.parametrize(
    ("said", "kept"),
    [("AABBCCDDEEFF", "aa:bb:cc:dd:ee:ff"), ("aa:bb", ""), (7, ""), ("00:00:00:00:00:00", "")],
)
def test_addresses_have_one_form(said: Any, kept: str) -> None:
    assert fields.mac(said) == kept


def test_an_expired_session_is_renewed_once_for_all_readers(service: Service) -> None:
    driver = service.driver()
    driver.hardware(HOST)
    service.tokens.clear()
    assert driver.hardware(HOST).unread == ()
    assert sum(one.endswith("/Sessions") for one in service.asked) == 2


def test_what_has_not_changed_is_not_sent_again_and_what_has_is(service: Service) -> None:
    service.etags = True
    driver = service.driver()
    first = driver.hardware(HOST)
    service.extra[DRIVE] = service.extra[DRIVE] | {"Status": {"Health": "Critical"}}
    second = driver.hardware(HOST)
    assert first.storage[0].drives[0].health is Condition.OK
    assert second.storage[0].drives[0].health is Condition.CRITICAL
    assert second.cards == first.cards


def test_a_service_without_end_is_left(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "MOST_RESOURCES", 30)
    monkeypatch.setattr(walk, "MOST_MEMBERS", 20)
    place = f"{SYSTEM}/Memory"
    service.extra[place]["Members@odata.nextLink"] = place
    service.extra[place]["Members"] *= 30
    found = service.driver().hardware(HOST)
    assert len(service.asked) < 40
    assert any("more than" in one for one in found.unread)


def test_the_next_start_is_overridden_and_read_back(service: Service) -> None:
    driver = service.driver()
    driver.set_boot(HOST, BootOrder(target="Pxe"))
    driver.set_boot(HOST, BootOrder(target="Pxe"))
    assert len(service.patches) == 1, "nothing is sent where it is so already"
    boot = driver.hardware(HOST).boot
    assert (boot.target, boot.once, boot.mode) == ("Pxe", True, "UEFI")
    driver.set_boot(HOST, BootOrder(target="None"))
    assert driver.hardware(HOST).boot.target == "None"


def test_an_override_that_is_not_kept_is_an_unknown_outcome(service: Service) -> None:
    service.deaf.add(SYSTEM)
    with pytest.raises(OutcomeUnknown, match="said yes and tells None"):
        service.driver().set_boot(HOST, BootOrder(target="Cd", once=False))


def test_a_target_that_is_not_offered_is_refused_before_anything_is_sent(service: Service) -> None:
    with pytest.raises(Rejected, match="cannot boot from Usb") as caught:
        service.driver().set_boot(HOST, BootOrder(target="Usb"))
    assert "Pxe" in caught.value.hint
    assert service.patches == []


ISO = "http://10.0.0.9/debian.iso"


def test_an_image_is_inserted_taken_out_and_read_back(service: Service) -> None:
    medium = service.extra[CD]

    def insert(body: dict[str, Any]) -> None:
        medium.update(Image=body["Image"], Inserted=True)

    service.actions[f"{CD}/Insert"] = insert
    service.actions[f"{CD}/Eject"] = lambda _: medium.update(Image=None, Inserted=False)
    driver = service.driver()
    driver.set_medium(HOST, MediumOrder(image=ISO))
    (found,) = driver.hardware(HOST).media
    assert (found.inserted, found.image, found.kinds) == (True, ISO, ("CD", "DVD"))
    driver.set_medium(HOST, MediumOrder(image="http://u:canary@10.0.0.9/b.iso"))
    assert driver.hardware(HOST).media[0].image == "http://10.0.0.9/b.iso"
    driver.set_medium(HOST, MediumOrder())
    assert driver.hardware(HOST).media[0].inserted is False


def test_an_insert_that_did_nothing_is_an_unknown_outcome(service: Service) -> None:
    service.actions[f"{CD}/Insert"] = lambda _: None
    with pytest.raises(OutcomeUnknown, match="tells nothing in its virtual drive"):
        service.driver().set_medium(HOST, MediumOrder(image=ISO))
    with pytest.raises(NotFound, match="no virtual drive for Floppy"):
        service.driver().set_medium(HOST, MediumOrder(image=ISO, kind="Floppy"))
    for bad in ("file:///etc/passwd", "http://", "http://a b/\n", "relative"):
        with pytest.raises(Invalid, match="address of an image"):
            service.driver().set_medium(HOST, MediumOrder(image=bad))


def test_writes_are_proved_by_the_value_that_is_there(service: Service) -> None:
    service.allow = {ISCSI: "GET, HEAD"}
    service.faults[FC] = None
    found = {one.path: one for one in service.driver().prove_writes(HOST)}
    assert found[LAN].may_write("mac") is Writable.PROVED
    assert found[FC].may_write("wwn") is Writable.PROVED
    assert found[ISCSI].may_write("iscsi") is Writable.NO
    assert service.patches == [
        (f"{LAN}/Settings", {"Ethernet": {"MACAddress": "12:44:6A:3B:04:11"}}),
        (FC, {"FibreChannel": {"WWPN": "10:00:B0:5A:DD:BB:74:E0", "WWNN": "0x1000B05ADDBB74E1"}}),
        (f"{SYSTEM}/EthernetInterfaces/2", {"MACAddress": "AA-BB-CC-00-11-22"}),
    ]


def test_a_function_that_says_no_is_not_written_to(service: Service) -> None:
    for path in (LAN, FC, ISCSI):
        service.extra[path]["@Redfish.WriteableProperties"] = []
    service.extra[f"{SYSTEM}/EthernetInterfaces"] = {"Members": []}
    found = service.driver().prove_writes(HOST)
    assert {told for one in found for _, told in one.writes} == {Writable.NO}
    assert service.patches == []


def test_looking_writes_nothing(service: Service) -> None:
    driver = service.driver()
    driver.hardware(HOST)
    driver.sensors(HOST)
    driver.hardware_log(HOST)
    deeds = [one for one in service.asked if not one.startswith("GET ")]
    assert deeds == ["POST /redfish/v1/SessionService/Sessions"]


def test_what_a_bmc_tells_by_itself_is_a_reason_to_look(service: Service) -> None:
    service.extra[f"{V1}/EventService"]["ServerSentEventUri"] = STREAM
    driver = service.driver()
    cursor = driver.changes("", 0.0).cursor
    assert driver.changes(cursor, 0.0) == Changes(cursor=cursor)
    service.told.put(": still here\n\n")
    service.told.put('id: 1\ndata: {"Events": []}\n\nid: 2\ndata: x\n\n')
    assert driver.changes(cursor, 5.0).host
    service.told.put("")
    ended = driver.changes(cursor, 5.0)
    ended = ended if ended.resync else driver.changes(cursor, 5.0)
    assert ended.resync, "what was told meanwhile is unknown"
    service.told.put("data: y\n\n")
    assert driver.changes(cursor, 5.0).host
    service.told.put("")
    driver.close()


def test_a_bmc_that_tells_nothing_by_itself_is_asked_for_that_once(service: Service) -> None:
    driver = service.driver()
    for _ in range(3):
        with pytest.raises(NotSupported):
            driver.changes("", 0.0)
    assert service.asked.count(f"GET {V1}/EventService") == 1


def test_the_worker_waits_longer_than_any_operation_may_take() -> None:
    begun = {
        "observe": driver.OBSERVE_S,
        "changes": driver.LISTEN_S,
        "set_medium": driver.MEDIUM_S,
        "set_boot": driver.OPERATION_S,
        "power": driver.OPERATION_S,
        **dict.fromkeys(("hardware", "sensors", "hardware_log", "prove_writes"), driver.WALK_S),
        **dict.fromkeys(("apply_identity", "withdraw_identity"), driver.WALK_S),
    }
    for operation, longest_s in begun.items():
        assert driver.TURN_S + longest_s < DEADLINES_S[operation], operation
