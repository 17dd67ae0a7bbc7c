"""Who may ask a BMC: the one user of the lab, by password or by a session's token."""

import base64
import hmac
import secrets
import threading
from typing import Any

from anypool.lab.bmc_keys import BMC_USER
from anypool.lab.places import LabPlaces

SESSIONS = "redfish/v1/SessionService/Sessions"


class Locked:
    """Asks for user and password everywhere but where Redfish says that none is needed."""

    def __init__(self, inner: Any, places: LabPlaces) -> None:
        self._inner = inner
        self._password = places.bmc_password.read_text().strip()
        both = base64.b64encode(f"{BMC_USER}:{self._password}".encode()).decode()
        self._wanted = f"Basic {both}"
        self._lock = threading.Lock()
        self._sessions: dict[str, tuple[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request, or refuse it."""
        path = environ["PATH_INFO"].strip("/")
        open_to_all = path in ("", "redfish", "redfish/v1")
        login = environ["REQUEST_METHOD"] == "POST" and path == SESSIONS
        if open_to_all or login or self._may(environ):
            return self._inner(environ, start_response)
        start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="BMC"')])
        return [b""]

    def begin(self, address: str, user: str, password: str) -> tuple[str, str] | None:
        """Begin a session at one controller; return its id and token, None for a stranger."""
        right = hmac.compare_digest(password.encode(), self._password.encode())
        if user != BMC_USER or not right:
            return None
        identity, token = secrets.token_hex(4), secrets.token_hex(16)
        with self._lock:
            self._sessions[token] = (address, identity)
        return identity, token

    def sessions(self, address: str) -> list[str]:
        """Return the ids of one controller's sessions."""
        with self._lock:
            return [identity for at, identity in self._sessions.values() if at == address]

    def end(self, address: str, identity: str) -> bool:
        """End a session; whether it was there."""
        with self._lock:
            ended = [key for key, one in self._sessions.items() if one == (address, identity)]
            for token in ended:
                del self._sessions[token]
        return bool(ended)

    def _may(self, environ: dict[str, Any]) -> bool:
        given = environ.get("HTTP_AUTHORIZATION", "")
        token = environ.get("HTTP_X_AUTH_TOKEN", "")
        if token:
            with self._lock:
                return self._sessions.get(token, ("", ""))[0] == str(environ["SERVER_NAME"])
        return hmac.compare_digest(given.encode(), self._wanted.encode())
