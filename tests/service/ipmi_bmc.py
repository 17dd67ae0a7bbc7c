"""A BMC that speaks IPMI: pyghmi's own, with a power of its own and nothing behind it.

Run as `python -m tests.service.ipmi_bmc PASSWORD`: it prints its port and ends with its input.
"""

import os
import sys
import threading
from typing import Any
from uuid import UUID

from pyghmi.ipmi.bmc import Bmc
from pyghmi.ipmi.private import serversession

IDENTITY = UUID("9f0f3a5e-6a2e-4f7c-8f5e-2b1c3d4e5f61")
USER = "operator"


def area(*texts: str, head: bytes = b"") -> bytes:
    """Return an area of a FRU: version, length, texts of eight-bit ASCII, checksum."""
    body = head + b"".join(bytes([0xC0 | len(one)]) + one.encode() for one in texts) + b"\xc1"
    size = (2 + len(body) + 1 + 7) // 8
    whole = bytes([1, size]) + body
    whole += bytes(size * 8 - 1 - len(whole))
    return whole + bytes([-sum(whole) & 0xFF])


PRODUCT = area("Contoso", "Old One", "PN1", "v1", "SN-42", "asset-7", head=b"\x19")
FRU = b"\x01\x00\x00\x00\x01\x00\x00\xfe" + PRODUCT


_accept = serversession.ServerSession.create_open_session_response


def _with_sha1_only(self: Any, request: Any) -> Any:
    """Refuse other hashes, as BMCs do that know cipher suite 3 only; pyghmi's says yes to all."""
    if request[12] == 1:
        return _accept(self, request)
    self.clientsessionid, self.managedsessionid = request[4:8], bytes(4)
    return bytearray([request[0], 0x04, 0, 0]) + self.clientsessionid


serversession.ServerSession.create_open_session_response = _with_sha1_only


class Fake(Bmc):  # type: ignore[misc]
    """On or off, and from where it boots."""

    power = "off"
    boot = "default"

    def get_power_state(self) -> str:
        return self.power

    def power_on(self) -> int:
        self.power = "on"
        return 0

    def power_off(self) -> int:
        self.power = "off"
        return 0

    def power_shutdown(self) -> int:
        return 0xD5  # not in the present state: nobody is there to ask

    def get_boot_device(self) -> str:
        return self.boot

    def set_boot_device(self, bootdevice: str) -> None:
        if bootdevice != "safe":
            self.boot = bootdevice

    def get_system_guid(self) -> UUID:
        return IDENTITY

    def handle_raw_request(self, request: Any, session: Any) -> None:
        asked = (request["netfn"], request["command"])
        data = list(request["data"])
        if asked == (0xA, 0x10):
            session.send_ipmi_response(data=[len(FRU) & 0xFF, len(FRU) >> 8, 0])
        elif asked == (0xA, 0x11):
            begin = data[1] | data[2] << 8
            part = list(FRU[begin : begin + data[3]])
            session.send_ipmi_response(data=[len(part), *part])
        else:
            super().handle_raw_request(request, session)


def main() -> None:
    bmc = Fake({USER: sys.argv[1]}, port=0, address="127.0.0.1", bmcuuid=IDENTITY)
    bmc.port = bmc.serversocket.getsockname()[1]
    print(bmc.port, flush=True)
    threading.Thread(target=bmc.listen, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
