"""The IPMI controllers of all blades, each at its own address, port 623.

Run by the supervisor as `python -m anypool.lab.blades.ipmi LAB_DIRECTORY`. pyghmi's server does
the sessions (RMCP+, cipher suite 3). One blade's controller can be slow, so each is a process.
"""

import os
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyghmi.ipmi import bmc as pyghmi
from pyghmi.ipmi.private.session import Session

from anypool.errors import AnypoolError
from anypool.lab import bmc_moods
from anypool.lab.blades import hardware, ipmi_records, orders, resources
from anypool.lab.blades.board import Board, Entry
from anypool.lab.blades.command import MAKER, MODEL, serial_number
from anypool.lab.bmc_keys import BMC_USER
from anypool.lab.places import LabPlaces
from anypool.lab.spec import Server
from anypool.lab.state import kept_lab

PORT = 623
_RESTART_DELAY_S = 1.0
_PATIENCE_S = 0.7
"""Clients ask again after a second without an answer, and to us that is another order."""
_RESETS = {
    0: "ForceOff",
    1: "On",
    2: "PowerCycle",
    3: "ForceRestart",
    4: "Nmi",
    5: "GracefulShutdown",
}
_DEVICES = {0: "None", 1: "Pxe", 2: "Hdd", 5: "Cd"}
_NUMBERS = {"None": 0, "Pxe": 1, "Hdd": 2, "Cd": 5, "UefiHttp": 1}
_WRONG, _UNKNOWN, _BUSY, _NOT_NOW, _ABSENT = 0xCC, 0xC1, 0xC0, 0xD5, 0xCB
_LAST = 0xFFFF
_NO_SUCH_SUITE = 0x11

Data = bytes
Answer = Data | int
"""The bytes of a good answer, or the completion code of another."""


class Controller(pyghmi.Bmc):  # type: ignore[misc]
    """One blade's controller."""

    def __init__(self, places: LabPlaces, server: Server) -> None:
        password = places.bmc_password.read_text().strip()
        super().__init__({BMC_USER: password}, PORT, uuid.UUID(server.uuid), server.bmc_address)
        self._places = places
        self._server = server
        self._board = Board(places.server(server.name))
        self._label = ipmi_records.label(
            (MAKER, MODEL, "LAB-BLADE-1", resources.BIOS_VERSION, serial_number(server))
        )
        self._answers: dict[tuple[int, int], Callable[[Data], Answer]] = {
            (0x00, 0x01): self._chassis,
            (0x00, 0x02): self._control,
            (0x00, 0x08): self._set_boot,
            (0x00, 0x09): self._boot,
            (0x04, 0x2D): self._reading,
            (0x06, 0x01): self._device,
            (0x06, 0x37): lambda _: uuid.UUID(server.uuid).bytes_le,
            (0x0A, 0x10): lambda _: struct.pack("<HB", len(self._label), 0),
            (0x0A, 0x11): self._label_part,
            (0x0A, 0x20): self._sensors,
            (0x0A, 0x22): lambda _: b"\x01\x00",
            (0x0A, 0x23): self._sensor,
            (0x0A, 0x40): self._log_size,
            (0x0A, 0x42): lambda _: b"\x01\x00",
            (0x0A, 0x43): self._log_entry,
            (0x0A, 0x47): self._clear_log,
            (0x0A, 0x48): lambda _: struct.pack("<I", int(time.time())),
            (0x2C, 0x02): self._watts,
        }

    def sessionless_data(self, data: bytes, sockaddr: Any) -> None:
        """Begin a session, unless this controller is to be silent or cannot speak so.

        pyghmi's server takes every proposal and goes on with suite 3; its own client proposes a
        better one first, and falls back only when that is refused.
        """
        if self._mood() == "silent":
            return
        if refusal := _refusal(bytes(data)):
            self.serversocket.sendto(refusal, sockaddr)
        else:
            super().sessionless_data(data, sockaddr)

    def handle_raw_request(self, request: dict[str, Any], session: Any) -> None:
        """Answer a request in a session."""
        mood = self._mood()
        if mood == "silent":
            return
        if mood == "slow":
            time.sleep(bmc_moods.SLOW_S)
        answer = self._answer(request, mood)
        if isinstance(answer, int):
            session.send_ipmi_response(code=answer)
        else:
            session.send_ipmi_response(data=list(answer))

    def _answer(self, request: dict[str, Any], mood: str) -> Answer:
        command = (request["netfn"], request["command"])
        order = command in ((0x00, 0x02), (0x00, 0x08))
        if mood == "failing" or (mood == "refusing" and order):
            return _BUSY if mood == "failing" else _NOT_NOW
        if mood == "deaf" and order:
            return b""
        known = self._answers.get(command)
        if known is None:
            return _UNKNOWN
        try:
            return known(bytes(request["data"]))
        except (IndexError, struct.error):
            return _WRONG
        except AnypoolError:
            return _NOT_NOW

    def _mood(self) -> str:
        return bmc_moods.mood_of(self._places, self._server.name)

    def _on(self) -> bool:
        mood = self._mood()
        if mood in ("says-on", "says-off"):
            return mood == "says-on"
        return orders.is_on(self._places, self._server)

    def _device(self, _: Data) -> Answer:
        """Say what it is: sensors, SDR, SEL and FRU are there; version 2.0; nobody's number."""
        return struct.pack("<BBBBBB3sH4s", 0x20, 1, 1, 0, 0x02, 0x0F, bytes(3), 1, bytes(4))

    def _chassis(self, _: Data) -> Answer:
        return bytes([int(self._on()), 0, 0])

    def _control(self, data: Data) -> Answer:
        kind = _RESETS.get(data[0] & 0x0F)
        if kind is None:
            return _WRONG
        orders.check(self._places, self._server, kind)
        words = (self._places, self._server, kind)
        carrying_out = threading.Thread(target=_carry_out, args=words, daemon=True)
        carrying_out.start()
        carrying_out.join(_PATIENCE_S)
        return b""

    def _set_boot(self, data: Data) -> Answer:
        if data[0] & 0x7F != 5:
            return b"" if data[0] & 0x7F in (0, 3, 4) else 0x80
        target = _DEVICES.get(data[2] >> 2 & 0x0F)
        if target is None:
            return _WRONG
        if not data[1] & 0x80 or target == "None":
            how = "Disabled"
        else:
            how = "Continuous" if data[1] & 0x40 else "Once"
        asked: dict[str, object] = {
            "BootSourceOverrideTarget": target,
            "BootSourceOverrideEnabled": how,
        }
        self._board.change(lambda kept: hardware.with_boot(kept, asked))
        self._board.note("set", "settings of the system: Boot")
        return b""

    def _boot(self, data: Data) -> Answer:
        if data[0] & 0x7F != 5:
            return 0x80
        boot = self._board.read().boot
        valid = {"Disabled": 0, "Once": 0x80, "Continuous": 0xC0}[boot.enabled]
        return bytes([1, 5, valid, _NUMBERS.get(boot.target, 0) << 2, 0, 0, 0])

    def _readings(self) -> dict[int, int]:
        on = self._on()
        celsius = [value for _, _, value in resources.temperatures(on=on)]
        return dict(enumerate([*celsius, resources.watts(on=on)], start=1))

    def _reading(self, data: Data) -> Answer:
        value = self._readings().get(data[0])
        return _ABSENT if value is None else bytes([value, 0xC0, 0xC0])

    def _watts(self, data: Data) -> Answer:
        if data[0] != 0xDC:
            return _UNKNOWN
        return ipmi_records.watts_reading(resources.watts(on=self._on()), time.time())

    def _label_part(self, data: Data) -> Answer:
        _, offset, count = struct.unpack("<BHB", data[:4])
        part = self._label[offset : offset + count]
        return bytes([len(part)]) + part

    def _sensors(self, _: Data) -> Answer:
        count = len(ipmi_records.SENSORS)
        return struct.pack("<BHHIIB", 0x51, count, _LAST, 0, 0, 0x02)

    def _sensor(self, data: Data) -> Answer:
        _, wanted, offset, count = struct.unpack("<HHBB", data[:6])
        sensors = ipmi_records.SENSORS
        place = 0 if wanted == 0 else wanted - 1
        if place >= len(sensors):
            return _ABSENT
        record = ipmi_records.sensor_record(sensors[place])
        following = sensors[place + 1].number if place + 1 < len(sensors) else _LAST
        return struct.pack("<H", following) + record[offset : offset + count]

    def _log(self) -> list[bytes]:
        entries: list[Entry] = self._board.entries(self._board.read().log_cleared)
        return ipmi_records.logged(entries)

    def _log_size(self, _: Data) -> Answer:
        return struct.pack("<BHHIIB", 0x51, len(self._log()), _LAST, 0, 0, 0x02)

    def _log_entry(self, data: Data) -> Answer:
        _, wanted, offset, count = struct.unpack("<HHBB", data[:6])
        records = self._log()
        numbers = [struct.unpack_from("<H", record)[0] for record in records]
        if not records:
            return _ABSENT
        last = len(records) - 1
        if wanted in (0, _LAST):
            place = 0 if wanted == 0 else last
        elif wanted in numbers:
            place = numbers.index(wanted)
        else:
            return _ABSENT
        following = numbers[place + 1] if place < last else _LAST
        return struct.pack("<H", following) + records[place][offset:][:count]

    def _clear_log(self, data: Data) -> Answer:
        if data[2:5] != b"CLR":
            return _WRONG
        if data[5] == 0xAA:
            self._board.clear_log()
        return b"\x01"


def main() -> None:
    """Serve every blade of the lab in the folder named on the command line."""
    places = LabPlaces(Path(sys.argv[1]))
    blades = [server for server in kept_lab(places).servers if server.role == "blade"]
    running = {_begin(places, server): server for server in blades}
    while running:
        pid, _ = os.wait()
        ended = running.pop(pid)
        time.sleep(_RESTART_DELAY_S)
        running[_begin(places, ended)] = ended


def _carry_out(places: LabPlaces, server: Server, kind: str) -> None:
    """Carry out a reset that nobody may wait for any more."""
    try:
        orders.reset(places, server, kind)
    except AnypoolError as problem:
        print(f"{server.name}: {kind}: {problem.message}", file=sys.stderr, flush=True)


def _refusal(data: bytes) -> bytes:
    """Return the answer to a session's first packet that proposes another suite than 3."""
    begins = len(data) >= 48 and data[3] == 0x07 and data[4] == 0x06 and data[5] == 0x10
    if not begins or data[28] == 1:
        return b""
    body = bytes([data[16], _NO_SUCH_SUITE, 0, 0]) + data[20:24]
    return b"\x06\x00\xff\x07\x06\x11" + bytes(8) + struct.pack("<H", len(body)) + body


def _begin(places: LabPlaces, server: Server) -> int:
    pid = os.fork()
    if pid:
        return pid
    Controller(places, server)
    while True:
        Session.wait_for_rsp(30)


if __name__ == "__main__":
    main()
