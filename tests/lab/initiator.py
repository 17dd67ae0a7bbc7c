"""An iSCSI initiator that logs in and stays, as far as the end of the login."""

import hashlib
import struct
from contextlib import suppress
from socket import SHUT_RDWR, create_connection, socket

_HEAD = 48
_SECURITY, _TO_OPERATION, _TO_FULL = 0x00, 0x81, 0x87


class Initiator:
    """A connection to a target; `refused` is the status that the login ended with, 0 for none."""

    def __init__(self, portal: tuple[str, int], name: str, target: str, source: str = "") -> None:
        at = (source, 0) if source else None
        self._socket: socket = create_connection(portal, timeout=10, source_address=at)
        self._begin = {"InitiatorName": name, "SessionType": "Normal", "TargetName": target}
        self.refused = 0

    def login(self, user: str = "", secret: str = "") -> bool:
        """Log in, with a secret by CHAP; return whether that was allowed."""
        if not secret:
            return self._asked(_TO_OPERATION, self._begin | {"AuthMethod": "None"}) is not None
        self._asked(_TO_OPERATION, self._begin | {"AuthMethod": "CHAP"})
        told = self._asked(_SECURITY, {"CHAP_A": "5"})
        if told is None:
            return False
        number, challenge = int(told["CHAP_I"]), bytes.fromhex(told["CHAP_C"][2:])
        proof = hashlib.md5(bytes([number]) + secret.encode() + challenge)
        answer = {"CHAP_N": user, "CHAP_R": f"0x{proof.hexdigest()}"}
        if self._asked(_TO_OPERATION, answer) is None:
            return False
        return self._asked(_TO_FULL, {"HeaderDigest": "None"}) is not None

    @property
    def is_in(self) -> bool:
        """Whether the other side still holds the connection."""
        self._socket.setblocking(False)
        try:
            return bool(self._socket.recv(1))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def leave(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._socket.shutdown(SHUT_RDWR)
        self._socket.close()

    def _asked(self, stage: int, words: dict[str, str]) -> dict[str, str] | None:
        """Send a request of the login; return the words of the answer, None for a refusal."""
        if self.refused:
            return None
        data = "".join(f"{name}={value}\0" for name, value in words.items()).encode()
        head = struct.pack(">BBHI", 0x43, stage, 0, len(data)) + bytes.fromhex("400000010000")
        head += struct.pack(">HIHHII", 0, 1, 0, 0, 1, 0) + bytes(16)
        try:
            self._socket.sendall(head + data + b"\0" * (-len(data) % 4))
            answer = self._read(_HEAD)
            length = int.from_bytes(answer[5:8], "big") if answer else 0
            text = self._read(length + (-length % 4))[:length].decode()
        except ConnectionError:  # it hangs up on who asks for a target that it has not
            answer, text = b"", ""
        if len(answer) < _HEAD or answer[36]:
            self.refused = answer[36] if answer else 255
            return None
        pairs = (word.partition("=") for word in text.split("\0") if word)
        return {name: value for name, _, value in pairs}

    def _read(self, size: int) -> bytes:
        found = b""
        while len(found) < size and (more := self._socket.recv(size - len(found))):
            found += more
        return found
