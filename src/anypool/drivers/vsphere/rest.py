"""A vCenter's REST service: the same pin, user and lock as for its SOAP service, nothing shared.

Questions go over a connection that is kept; a deed goes over one of its own, so that what was
not sent is known not to have been.
"""

import base64
import contextlib
import json
import threading
from http.client import HTTPException
from typing import Any

from anypool.drivers import observing
from anypool.drivers.vsphere.answers import AskingConnection, NotALook
from anypool.drivers.vsphere.connect import Session
from anypool.errors import Denied, NotFound, NotSupported, OutcomeUnknown, Rejected, Unreachable

LIMIT_S = 10.0
CLOSE_S = 1.0
LONGEST_BYTES = 32 << 20
TAGGING = "/rest/com/vmware/cis/tagging"
_SESSION = "/rest/com/vmware/cis/session"
_HEADER = "vmware-api-session-id"
_OVER = frozenset({401})
_GONE = 410
_LOST = (OSError, HTTPException, ValueError, KeyError, TypeError)


class Refused(Exception):
    """The service said no, with a status and perhaps words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(f"{status} {words}".strip())
        self.status = status
        self.words = words


TROUBLE = (
    *(OSError, HTTPException, Refused, Denied),
    *(ValueError, TypeError, KeyError, AttributeError),
)
"""What `ask` ends with: silence, a refusal, or an answer that is none."""


class Rest:
    """One endpoint's session with the service, shared by the threads of a worker."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn = threading.Lock()
        self._id = ""
        self._there: AskingConnection | None = None
        self._closed = False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask, logging in if need be, and once more where the session had ended.

        Raises what is in `TROUBLE`.
        """
        with self._turn:
            if self._id:
                try:
                    return self._kept(method, path, body)
                except Refused as error:
                    if error.status not in _OVER:
                        raise
            self._log_in()
            return self._kept(method, path, body)

    def do(self, what: str, method: str, path: str, body: Any = None) -> Any:
        """Change something there; raise `NotSupported` where the endpoint is observe-only.

        Raises `Unreachable` if nothing was sent, `OutcomeUnknown` if no answer came, `Denied`,
        `NotFound` or `Rejected` if the service said no.
        """
        if self._session.read_only:
            raise observing.refused(self._session.endpoint, what)
        said = f"{self._session.name}: {what}"
        with self._turn, contextlib.closing(self._connected(said)) as there:
            try:
                return _talk(there, method, path, (self._headers(), body))
            except Refused as error:
                raise _meant(said, error) from error
            except NotALook as error:
                raise NotSupported(f"{said}: {error} is no look; nothing was sent") from error
            except _LOST as error:
                raise OutcomeUnknown(f"{said}: no answer ({error})", hint="look first") from error

    def close(self) -> None:
        """Log out; harmless when repeated. Who still waits for an answer is sent away."""
        self._closed = True
        if not self._turn.acquire(timeout=CLOSE_S):
            self._drop()
            return
        try:
            if self._id and self._there is not None:
                with contextlib.suppress(*TROUBLE):
                    _talk(self._there, "DELETE", _SESSION, (self._headers(), None))
            self._id = ""
            self._drop()
        finally:
            self._turn.release()

    def _connected(self, said: str) -> AskingConnection:
        """Return a new connection that is logged in and up; nothing was changed if it is not."""
        try:
            if not self._id or not self._known():
                self._log_in()
            there = self._session.rest_connection(LIMIT_S)
            there.connect()
        except Refused as error:
            raise _meant(said, error) from error
        except _LOST as error:
            raise Unreachable(f"{said}: {error}", hint="is its REST service up?") from error
        return there

    def _known(self) -> bool:
        """Return whether the service still knows our session."""
        try:
            self._kept("GET", f"{TAGGING}/tag")
        except Refused as error:
            if error.status in _OVER:
                return False
            raise
        return True

    def _log_in(self) -> None:
        self._id = ""
        self._id = str(self._kept("POST", _SESSION))

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._id:
            return headers | {_HEADER: self._id}
        user, secret = self._session.credentials
        both = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        return headers | {"Authorization": f"Basic {both}"}

    def _kept(self, method: str, path: str, body: Any = None) -> Any:
        """Ask over the connection that is kept; over a new one where it had been given up."""
        if self._closed:
            raise Refused(_GONE, "the connection was given back")
        sent = (self._headers(), body)
        if self._there is not None:
            with contextlib.suppress(OSError, HTTPException):
                return self._over(self._there, method, path, sent)
        self._drop()
        self._there = self._session.rest_connection(LIMIT_S)
        return self._over(self._there, method, path, sent)

    def _over(self, there: AskingConnection, method: str, path: str, sent: Any) -> Any:
        try:
            return _talk(there, method, path, sent)
        except Refused as error:
            if error.status in _OVER:
                self._id = ""
            raise
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        there, self._there = self._there, None
        if there is not None:
            there.close()


def _talk(there: AskingConnection, method: str, path: str, sent: Any) -> Any:
    """Send one request and return what is in its answer; raise `Refused` for any but a 200."""
    headers, body = sent
    there.request(method, path, None if body is None else json.dumps(body), headers)
    answer = there.getresponse()
    content = answer.read(LONGEST_BYTES)
    if answer.status != 200:
        there.close()
        raise Refused(answer.status, _words(content))
    return json.loads(content).get("value") if content.strip() else None


def _words(content: bytes) -> str:
    """Return what kind of error the service names, on one line."""
    try:
        told = json.loads(content)
        kind = str(told.get("type", ""))
        messages = (told.get("value") or {}).get("messages") or ()
        said = " ".join(str(one.get("default_message", "")) for one in messages)
    except (ValueError, AttributeError):
        return ""
    return " ".join(f"{kind.rpartition('.')[2]} {said}".split())[:200]


def _meant(said: str, error: Refused) -> Denied | NotFound | Rejected:
    if error.status in (401, 403):
        return Denied(
            f"{said}: {error}", hint="the vCenter's administrator gives the role what it lacks"
        )
    if error.status == 404:
        return NotFound(f"{said}: {error}")
    return Rejected(f"{said}: {error}")
