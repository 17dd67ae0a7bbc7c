"""Whether a BMC speaks IPMI: two packets that need no login, and whichever answer comes.

The first is the presence ping of RMCP (ASF 2.0, 3.2.4). Some BMCs answer only the second: a
question for the ways of logging in (IPMI 2.0, 22.13), which is the one that all clients ask.
"""

import socket
import time

PORT = 623
_RMCP = b"\x06\x00\xff"
_PING = _RMCP + b"\x06" + b"\x00\x00\x11\xbe" + b"\x80\x2a\x00\x00"
_ASK = _RMCP + b"\x07" + bytes(9) + b"\x09" + b"\x20\x18\xc8" + b"\x81\x00\x38\x8e\x04" + b"\xb5"
WAIT_S = 1.0
TIMES = 2


def present(host: str, port: int = PORT) -> bool:
    """Return whether something at an address answers as IPMI does, within some seconds."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as sender:
            sender.connect(address)
            return any(_answers(sender) for _ in range(TIMES))
    except OSError:
        return False


def _answers(sender: socket.socket) -> bool:
    sender.send(_PING)
    sender.send(_ASK)
    until = time.monotonic() + WAIT_S
    while (left := until - time.monotonic()) > 0:
        sender.settimeout(left)
        try:
            if _is_ipmi(sender.recv(512)):
                return True
        except TimeoutError:
            return False
    return False


def _is_ipmi(answer: bytes) -> bool:
    """Return whether a packet is a pong of somebody who supports IPMI, or an answer to us."""
    if answer[:1] != b"\x06" or len(answer) < 21:
        return False
    if answer[3] == 6:
        return answer[8] == 0x40 and bool(answer[20] & 0x80)
    return answer[3] == 7 and b"\x38" in answer[14:]
