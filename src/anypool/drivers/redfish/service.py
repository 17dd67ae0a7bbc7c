"""The Redfish service of a BMC: login, resources, and what its refusals mean."""

import base64
import threading
from typing import Any, Protocol

from anypool.drivers.redfish.channel import Answer, Channel, Listening
from anypool.errors import (
    AnypoolError,
    Busy,
    Denied,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unreachable,
)

ROOT = "/redfish/v1/"
_NO_SESSIONS = frozenset({404, 405, 501})
_NO_ENTRY = frozenset({401, 403})


class Login:
    """What proves who asks: headers, and the path of the session if there is one.

    Those who read beside each other share it; `turn` is held by the one who renews it.
    """

    def __init__(self) -> None:
        self.turn = threading.RLock()
        self.headers: dict[str, str] = {}
        self.session = ""


class Known(Protocol):
    """Resources that were read before, with their ETags."""

    def etag(self, path: str) -> str:
        """Return the ETag a resource had, "" for none."""
        ...

    def body(self, path: str) -> dict[str, Any]:
        """Return a resource as it was."""
        ...

    def put(self, path: str, etag: str, body: dict[str, Any]) -> None:
        """Keep a resource."""
        ...


class Service:
    """One service, logged in to with a session where it has them; for one caller at a time."""

    def __init__(
        self, channel: Channel, user: str, password: str, login: Login | None = None
    ) -> None:
        self._channel = channel
        self._user = user
        self._password = password
        self._login = Login() if login is None else login
        self.root: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Return its address, for people."""
        return self._channel.name

    def begin(self, operation_s: float | None = None) -> None:
        """Open a connection for one operation, and log in unless that was done before."""
        self._channel.open(operation_s)
        if not self.root:
            root = self._channel.ask("GET", ROOT, {})
            if root.status >= 300 or "RedfishVersion" not in root.body:
                hint = "is it the address of the BMC, and its Redfish service switched on?"
                raise NotFound(f"{self.name} has no Redfish service", hint=hint)
            self.root = root.body
        if not self._login.headers:
            self._log_in()

    def beside(self) -> "Service":
        """Return another of the same login and deadline, with a connection of its own."""
        other = Service(self._channel.beside(), self._user, self._password, self._login)
        other.root = self.root
        return other

    def end(self) -> None:
        """End the connection; the login stays."""
        self._channel.close()

    def leave(self) -> None:
        """Give the session back, so that a BMC with few of them does not run out."""
        login = self._login
        if login.session:
            try:
                self._channel.open()
                self._channel.ask("DELETE", login.session, login.headers)
            except AnypoolError:
                pass  # it ends by itself after some minutes
        login.headers, login.session = {}, ""
        self._channel.close()

    def get(self, path: str) -> dict[str, Any]:
        """Return a resource; raise `NotFound`, `Denied`, `Unreachable`."""
        answer = self._ask("GET", path)
        if answer.status != 200:
            raise self._refused(answer, path)
        return answer.body

    def get_if_new(self, path: str, known: Known) -> dict[str, Any]:
        """Return a resource, that which is known if the service says it is still so."""
        etag = known.etag(path)
        answer = self._ask("GET", path, more={"If-None-Match": etag} if etag else {})
        if answer.status == 304 and etag:
            return known.body(path)
        if answer.status != 200:
            raise self._refused(answer, path)
        known.put(path, answer.headers.get("etag", ""), answer.body)
        return answer.body

    def allowed(self, path: str) -> tuple[dict[str, Any], frozenset[str], str]:
        """Return a resource, the methods its answer allows, none if not said, and its ETag."""
        answer = self._ask("GET", path)
        if answer.status != 200:
            raise self._refused(answer, path)
        said = answer.headers.get("allow", "").upper().split(",")
        methods = frozenset(one.strip() for one in said if one.strip())
        return answer.body, methods, answer.headers.get("etag", "")

    def listen(self, path: str, idle_s: float) -> Listening | None:
        """Ask for a stream of events, None where there is none."""
        return self._channel.listen(path, self._login.headers, idle_s)

    def post(self, path: str, body: object) -> int:
        """Have something done, and return the status if that says yes, or 409.

        Raises `Rejected` if the service refused it, `OutcomeUnknown` if it failed in between.
        """
        answer = self._ask("POST", path, body)
        if answer.status == 409:
            return answer.status
        return self._done(answer, path).status

    def patch(self, path: str, body: object, etag: str = "") -> Answer:
        """Have a resource changed; raise as `post` does, `Busy` if it was changed meanwhile."""
        more = {"If-Match": etag} if etag else {}
        answer = self._ask("PATCH", path, body, more)
        if answer.status in (409, 412):
            raise Busy(f"{self.name} refused to change {path} for now: {told(answer)}")
        return self._done(answer, path)

    def told_to(self, path: str, body: object) -> Answer:
        """Have something done and return the answer; raise as `post` does, 409 is `Busy`."""
        answer = self._ask("POST", path, body)
        if answer.status == 409:
            raise Busy(f"{self.name} refused for now: {told(answer)}")
        return self._done(answer, path)

    def delete(self, path: str) -> None:
        """Take something away; quiet if it is not there."""
        answer = self._ask("DELETE", path)
        if answer.status not in (404, 410):
            self._done(answer, path)

    def _done(self, answer: Answer, path: str) -> Answer:
        if answer.status < 300:
            return answer
        if answer.status >= 500 and answer.status not in (501, 503):
            raise OutcomeUnknown(f"{self.name} failed: {told(answer)}")
        error = self._refused(answer, path)
        if isinstance(error, NotFound):
            raise Rejected(error.message, hint=error.hint)
        raise error

    def _ask(
        self, method: str, path: str, body: object = None, more: dict[str, str] | None = None
    ) -> Answer:
        used = self._login.headers
        answer = self._channel.ask(method, path, {**used, **(more or {})}, body)
        if answer.status == 401 and self._login.session:  # it forgot the session; nothing was done
            with self._login.turn:
                if self._login.headers is used:
                    self._log_in()
            used = self._login.headers
            answer = self._channel.ask(method, path, {**used, **(more or {})}, body)
        return answer

    def _log_in(self) -> None:
        login = self._login
        login.headers, login.session = {}, ""
        links = self.root.get("Links")
        sessions = link(links if isinstance(links, dict) else {}, "Sessions")
        if sessions:
            asked = {"UserName": self._user, "Password": self._password}
            try:
                answer = self._channel.ask("POST", sessions, {}, asked)
            except OutcomeUnknown as error:  # a login switches nothing
                raise Unreachable(error.message, hint=error.hint) from error
            token = answer.headers.get("x-auth-token", "")
            if answer.status < 300 and token:
                login.headers = {"X-Auth-Token": token}
                login.session = _path(answer.headers.get("location", ""))
                return
            if answer.status in (400, *_NO_ENTRY):
                raise self._wrong_password()
            if answer.status not in _NO_SESSIONS:
                raise self._refused(answer, sessions)
        both = base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        login.headers = {"Authorization": f"Basic {both}"}

    def _wrong_password(self) -> Denied:
        hint = "check user and password, and that the user may switch power (the role Operator)"
        return Denied(f"{self.name} does not let {self._user[:40]} in", hint=hint)

    def _refused(self, answer: Answer, path: str) -> AnypoolError:
        status = answer.status
        if status == 403:
            hint = f"the user {self._user[:40]} lacks the right to it"
            return Denied(f"{self.name} refuses {path}: {told(answer)}", hint=hint)
        if status == 401:
            if not self._login.session:
                self._login.headers = {}
            return self._wrong_password()
        if 300 <= status < 400:
            hint = "redirects are not followed; give the address and the system it leads to"
            return Rejected(f"{self.name} leads elsewhere when asked for {path}", hint=hint)
        if status in (404, 410):
            return NotFound(f"{self.name} has no {path}")
        if status in (429, 503):
            return Busy(f"{self.name} has too much to do", hint="it is asked again in a moment")
        if status >= 500:
            return Unreachable(f"{self.name} failed: {told(answer)}")
        return Rejected(f"{self.name} refused: {told(answer)}")


def link(resource: dict[str, Any], name: str) -> str:
    """Return where a resource points to by a name: a path on the same service, or ""."""
    found = resource.get(name)
    return _path(found.get("@odata.id")) if isinstance(found, dict) else ""


def _path(text: object) -> str:
    """Return a path that cannot lead to another server, or ""."""
    if not isinstance(text, str) or not text.startswith("/") or text.startswith("//"):
        return ""
    return text if text.isascii() and text.isprintable() and " " not in text else ""


def members(collection: dict[str, Any]) -> tuple[str, ...]:
    """Return the paths of a collection's members."""
    return linked(collection.get("Members"))


def next_page(collection: dict[str, Any]) -> str:
    """Return where the rest of a collection's members is, "" at its end."""
    return _path(collection.get("Members@odata.nextLink"))


def linked(found: object) -> tuple[str, ...]:
    """Return the paths of a list of links; what is no link is left out."""
    every = found if isinstance(found, list) else []
    paths = (_path(one.get("@odata.id")) for one in every if isinstance(one, dict))
    return tuple(path for path in paths if path)


def words(value: object, longest: int = 80) -> str:
    """Return a text of the service as it may be shown: short, and of printable characters."""
    text = value if isinstance(value, str) else ""
    return "".join(char for char in text if char.isprintable())[:longest].strip()


def told(answer: Answer) -> str:
    """Return what a service says about a request that it did not do."""
    error = answer.body.get("error")
    error = error if isinstance(error, dict) else {}
    more = error.get("@Message.ExtendedInfo")
    first = more[0] if isinstance(more, list) and more and isinstance(more[0], dict) else {}
    said = words(first.get("Message"), 160) or words(error.get("message"), 160)
    return f"{answer.status} {said}".strip()
