"""Requests to one BMC over TLS with a pinned certificate; each ends by a deadline.

A BMC is taken for hostile: nothing is sent before its certificate is seen to be the pinned
one, an answer that leads elsewhere is not followed, and no more is read than an answer of
Redfish may be long.
"""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct

from anypool.errors import AnypoolError, Denied, OutcomeUnknown, Unreachable
from anypool.model import fingerprint_of, split_address

LONGEST_BYTES = 1 << 20
_AGENT = {"Accept": "application/json", "OData-Version": "4.0", "User-Agent": "anypool"}
_RENEWED = (
    "if its certificate was renewed, confirm the new one with `anypool tls confirm`; "
    "if not, somebody is in between"
)


class Answer(Struct, frozen=True):
    """A status, headers by lower-case name, and the JSON object that came with it."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]


class Listening:
    """A connection on which a service tells by itself, line by line."""

    def __init__(self, line: socket.socket, answer: http.client.HTTPResponse) -> None:
        self._socket = line
        self._answer = answer

    def line(self, longest: int) -> bytes:
        """Return the next line, b"" at the end, whatever ended it."""
        try:
            return self._answer.readline(longest)
        except (OSError, http.client.HTTPException, ValueError):
            return b""

    def close(self) -> None:
        """End it; who waits for a line gets none."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Channel:
    """One connection at a time; `open` before an operation, `close` after it."""

    def __init__(self, url: str, fingerprint: str, *, operation_s: float, silence_s: float) -> None:
        self._address = split_address(url)
        self.name = url.rstrip("/")
        self._fingerprint = fingerprint
        self._operation_s = operation_s
        self._silence_s = silence_s
        self._until = 0.0
        self._connection: http.client.HTTPSConnection | None = None

    def shown(self) -> str:
        """Return the SHA-256 of the certificate that is shown; nothing is sent to it."""
        self._until = time.monotonic() + self._operation_s
        connection = self._connected()
        try:
            return _digest(connection)
        finally:
            connection.close()

    def open(self, operation_s: float | None = None) -> None:
        """Connect anew for one operation; raise `Denied` for another certificate."""
        self.close()
        longest_s = self._operation_s if operation_s is None else operation_s
        self._until = time.monotonic() + longest_s
        self._connection = self._trusted()

    def beside(self) -> "Channel":
        """Return another to the same BMC, for the same operation; it connects when it is asked."""
        other = Channel(
            self.name,
            self._fingerprint,
            operation_s=self._operation_s,
            silence_s=self._silence_s,
        )
        other._until = self._until
        return other

    def close(self) -> None:
        """End the connection; harmless when there is none."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: object = None
    ) -> Answer:
        """Send one request and return the answer, whatever its status.

        Raises `Unreachable`; for anything but a GET that may have got there, `OutcomeUnknown`.
        """
        if self._connection is None:  # many services end it after each answer
            self._connection = self._trusted()
        connection = self._connection
        sent = None if body is None else json.dumps(body).encode()
        more = {} if sent is None else {"Content-Type": "application/json"}
        try:
            self._set_time(connection)
            connection.request(method, path, body=sent, headers={**_AGENT, **more, **headers})
            answer = self._answer(connection)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise self._broken(method, error) from error
        if connection.sock is None:
            self._connection = None
        return answer

    def listen(self, path: str, headers: Mapping[str, str], idle_s: float) -> Listening | None:
        """Ask for a stream of events, None where there is none; raise `Unreachable`.

        It ends by itself when nothing comes for so many seconds.
        """
        connection = self._trusted()
        line = connection.sock
        assert isinstance(line, ssl.SSLSocket)
        try:
            self._set_time(connection)
            asked = {**_AGENT, "Accept": "text/event-stream", **headers}
            connection.request("GET", path, headers=asked)
            answer = connection.getresponse()
            kind = answer.headers.get_content_type()
            if answer.status == 200 and kind == "text/event-stream":
                line.settimeout(idle_s)
                return Listening(line, answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            raise self._broken("GET", error) from error
        connection.close()
        return None

    def _trusted(self) -> http.client.HTTPSConnection:
        connection = self._connected()
        if (shown := _digest(connection)) != self._fingerprint:
            connection.close()
            raise Denied(f"{self.name} shows another certificate, {shown}", hint=_RENEWED)
        return connection

    def _connected(self) -> http.client.HTTPSConnection:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Unreachable(f"{self.name} takes too long", hint=_LOOK)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # its certificate is compared with the pinned one
        host, port = self._address
        connection = http.client.HTTPSConnection(
            host, port, timeout=min(left, self._silence_s), context=context
        )
        try:
            connection.connect()
        except ssl.SSLError as error:
            connection.close()
            hint = "is that the port of its HTTPS service?"
            why = error.reason or error
            raise Unreachable(f"{self.name} speaks no TLS we know: {why}", hint=hint) from error
        except OSError as error:
            connection.close()
            raise Unreachable(f"{self.name} cannot be reached: {_said(error)}", hint=_LOOK) from (
                error
            )
        return connection

    def _set_time(self, connection: http.client.HTTPSConnection) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(min(left, self._silence_s))

    def _answer(self, connection: http.client.HTTPSConnection) -> Answer:
        response = connection.getresponse()
        parts, size = list[bytes](), 0
        while part := response.read1(65_536):
            size += len(part)
            if size > LONGEST_BYTES:
                raise ValueError(f"an answer is longer than {LONGEST_BYTES >> 20} MiB")
            parts.append(part)
            self._set_time(connection)
        if response.length:
            raise ValueError("an answer ended in its middle")
        response.close()  # else the next request does not know that this one is over
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, _object(b"".join(parts), response.status))

    def _broken(self, method: str, error: Exception) -> AnypoolError:
        why = f"{self.name} gave no answer that can be read: {_said(error)}"
        if method == "GET":
            return Unreachable(why, hint=_LOOK)
        return OutcomeUnknown(why, hint=_LOOK)


_LOOK = "look at the BMC's own page; many hang now and then and come back after a reset of the BMC"


def _digest(connection: http.client.HTTPSConnection) -> str:
    assert isinstance(connection.sock, ssl.SSLSocket)
    return fingerprint_of(connection.sock.getpeercert(binary_form=True) or b"")


def _object(text: bytes, status: int) -> dict[str, Any]:
    """Return the object an answer holds; one that says no may hold anything."""
    found: object = None
    with suppress(ValueError):
        found = json.loads(text) if text.strip() else {}
    if isinstance(found, dict):
        return found
    if status < 300:
        raise ValueError("it is not Redfish")
    return {}


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError | socket.timeout):
        return "it takes too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)[:120] or type(error).__name__
