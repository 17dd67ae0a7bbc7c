"""What a blade's IPMI controller keeps as bytes, read back by pyghmi, which others wrote."""

import struct

import pytest

from anypool.lab.blades import ipmi_records
from anypool.lab.blades.board import Entry

pytest.importorskip("pyghmi")

from pyghmi.ipmi import fru, sdr
from pyghmi.ipmi.private import constants


@pytest.mark.parametrize("sensor", ipmi_records.SENSORS)
def test_a_sensor_is_read_as_it_was_meant(sensor: ipmi_records.Sensor) -> None:
    record = ipmi_records.sensor_record(sensor)
    assert len(record) == 5 + record[4]
    read = sdr.SDREntry(bytearray(record), constants)
    assert read.sensor_number == sensor.number
    assert read.name == sensor.name
    reading = read.decode_sensor_reading(None, [47, 0xC0, 0xC0])
    assert reading.value == 47


def test_the_label_is_read_as_it_was_meant() -> None:
    label = ipmi_records.label(("maker", "model", "part", "1.0", "S1"))
    assert sum(label[:8]) & 0xFF == 0
    assert sum(label[8:]) & 0xFF == 0
    assert len(label) % 8 == 0
    read = fru.FRU(rawdata=bytearray(label)).info
    assert read["Manufacturer"] == "maker"
    assert read["Serial Number"] == "S1"


def test_the_log_holds_what_ipmi_has_words_for() -> None:
    entries = [
        Entry(number=1, at=1.5, what="power-on", message=""),
        Entry(number=2, at=2.5, what="set", message=""),
        Entry(number=3, at=3.5, what="watchdog", message=""),
    ]
    records = ipmi_records.logged(entries)
    assert [len(record) for record in records] == [16, 16]
    assert [struct.unpack_from("<H", record)[0] for record in records] == [1, 3]


def test_a_session_that_proposes_another_suite_is_refused() -> None:
    from anypool.lab.blades.ipmi import _refusal

    proposal = bytearray(b"\x06\x00\xff\x07\x06\x10" + bytes(8) + b"\x20\x00" + bytes(32))
    proposal[16] = 7
    proposal[28] = 3
    answer = _refusal(bytes(proposal))
    assert answer[5] == 0x11
    assert answer[16:18] == bytes([7, 0x11])
    proposal[28] = 1
    assert _refusal(bytes(proposal)) == b""
