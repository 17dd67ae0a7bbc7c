"""Connections that take nothing for an answer but an answer: whole, not too long, to the question.

pyVmomi takes any page for an answer that says nothing: a portal's page would mean "nothing has
changed". Here an answer must be the one to what was asked, or a fault. It is read whole before
any of it is believed, and nobody is followed elsewhere.

Where an endpoint is observe-only, its connections send questions alone: `LOOKS` names them, and
anything else ends here, before a byte of it is sent.
"""

import re
import zlib
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from anypool.drivers.vsphere.leaving import lean

LONGEST_BYTES = 128 << 20
"""More than any answer in pieces of 500 objects has."""
_PIECE = 1 << 20
_HEAD_BYTES = 4096
_ASKED = re.compile(rb"<(?:[\w.-]+:)?Body\b[^>]*>\s*<(?:[\w.-]+:)?([\w.-]+)")
_FAULT = "Fault"
_BODIES = frozenset({200, 500})

LOOKS = frozenset(
    {
        *("RetrieveServiceContent", "CurrentTime", "Login", "Logout"),
        *("CreatePropertyCollector", "DestroyPropertyCollector", "CreateFilter"),
        *("DestroyPropertyFilter", "CreateContainerView", "DestroyView"),
        *("WaitForUpdatesEx", "CancelWaitForUpdates", "CancelRetrievePropertiesEx"),
        *("RetrievePropertiesEx", "ContinueRetrievePropertiesEx", "Fetch"),
        *("QueryEvents", "QueryPerf", "QueryPerfCounter", "QueryPerfProviderSummary"),
        "QueryAvailablePerfMetric",
    }
)
"""vSphere's methods that leave nothing behind: what they make belongs to the session and ends
with it. Each was looked up in the vSphere Web Services reference."""


_SESSION = "/rest/com/vmware/cis/session"
_TAGGING = "/rest/com/vmware/cis/tagging"
REST_LOOKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("POST", re.compile(re.escape(_SESSION))),
    ("DELETE", re.compile(re.escape(_SESSION))),
    ("GET", re.compile(re.escape(_TAGGING) + "/tag")),
    ("GET", re.compile(re.escape(_TAGGING) + "/(tag|category)/id:[^/?]+")),
    (
        "POST",
        re.compile(re.escape(f"{_TAGGING}/tag-association?~action=list-attached-objects-on-tags")),
    ),
)
"""The same for the REST service: what is asked there, and logging in and out."""


class NotALook(Exception):
    """A method that could change something was about to be sent where we only look."""


class NoAnswer(HTTPException):
    """What came is no answer to what was asked."""


class Answer(bytes):
    """The whole of an answer, with what pyVmomi asks of a response."""

    status: int
    reason: str
    _headers: Mapping[str, str]

    @classmethod
    def of(cls, response: HTTPResponse, content: bytes) -> "Answer":
        """Return an answer that was read whole and unpacked."""
        made = cls(content)
        made.status, made.reason = response.status, response.reason
        unpacked = ("content-encoding", "content-length")
        made._headers = {
            name.lower(): value
            for name, value in response.getheaders()
            if name.lower() not in unpacked
        }
        return made

    def getheader(self, name: str, default: str | None = None) -> str | None:
        """Return a header as it came, of several the last."""
        return self._headers.get(name.lower(), default)

    def read(self) -> bytes:
        """Return what is left to read: nothing."""
        return b""


class LockedConnection(HTTPSConnection):
    """An HTTPS connection; with `looks_only` it raises `NotALook` before a byte is sent."""

    def __init__(self, *args: Any, looks_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._looks_only = looks_only

    def _let_pass(self, what: str, *, looks: bool) -> None:
        """Let a question go out, or close the connection and raise `NotALook`."""
        if self._looks_only and not looks:
            self.close()
            raise NotALook(what)


class CheckedConnection(LockedConnection):
    """A connection whose answers are checked; raises `NoAnswer` for what is none.

    With `looks_only` it sends what `LOOKS` lists.
    """

    _asked = ""

    def request(  # type: ignore[override]
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Ask, and remember what."""
        self._asked = _first(body if isinstance(body, bytes) else str(body or "").encode())
        self._let_pass(self._asked[:80], looks=self._asked in LOOKS)
        super().request(method, url, body, dict(headers or {}))

    def getresponse(self) -> Any:
        """Return the answer once it is there whole and is one."""
        response = super().getresponse()
        if response.status not in _BODIES:
            response.read(_PIECE)
            raise NoAnswer(f"{response.status} {response.reason}"[:200])
        content = _whole(response)
        _check(self._asked, response.status, content)
        return Answer.of(response, lean(self._asked, content))


class AskingConnection(LockedConnection):
    """A connection to the REST service; with `looks_only` it sends what `REST_LOOKS` lists."""

    def request(  # type: ignore[override]
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Ask, or raise `NotALook` before a byte is sent."""
        known = any(verb == method and place.fullmatch(url) for verb, place in REST_LOOKS)
        self._let_pass(f"{method} {url[:120]}", looks=known)
        super().request(method, url, body, dict(headers or {}))


def _whole(response: HTTPResponse) -> bytes:
    """Return all of a body, unpacked; raise `NoAnswer` if it is too long or no archive."""
    packing = (response.getheader("Content-Encoding") or "identity").lower()
    unpack = None
    if packing in ("gzip", "deflate"):
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    elif packing != "identity":
        raise NoAnswer(f"an answer packed as {packing[:40]!r}")
    pieces: list[bytes] = []
    length = 0
    while piece := response.read(_PIECE):
        try:
            plain = piece if unpack is None else unpack.decompress(piece, LONGEST_BYTES)
        except zlib.error as problem:
            raise NoAnswer(f"an answer that does not unpack: {problem}") from problem
        length += len(plain)
        if length > LONGEST_BYTES or (unpack is not None and unpack.unconsumed_tail):
            raise NoAnswer(f"an answer of more than {LONGEST_BYTES} bytes")
        pieces.append(plain)
    return b"".join(pieces)


def _check(asked: str, status: int, content: bytes) -> None:
    """Raise `NoAnswer` unless a body is the answer to what was asked, or a fault, to its end."""
    if b"<!DOCTYPE" in content[:_HEAD_BYTES]:
        raise NoAnswer(f"an answer to {asked} with a document type, which no vCenter sends")
    said = _first(content)
    wanted = (f"{asked}Response",) if status == 200 else (_FAULT,)
    if said not in wanted:
        raise NoAnswer(f"not an answer to {asked}: {said[:80] or _begins(content)}")
    if not content.rstrip().endswith(b"Envelope>"):
        raise NoAnswer(f"an answer to {asked} that does not end")


def _first(envelope: bytes) -> str:
    """Return the name of what is in the body of an envelope, "" where there is none."""
    found = _ASKED.search(envelope[:_HEAD_BYTES])
    return "" if found is None else found[1].decode("ascii", "replace")


def _begins(content: bytes) -> str:
    words = content[:60].decode("ascii", "replace")
    return "".join(letter if letter.isprintable() else "." for letter in words) or "nothing"
