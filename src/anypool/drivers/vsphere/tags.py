"""Tags of a vCenter: they are told by its REST service alone, never as changes.

So they are read again with a full reading, at most so often. Only questions are asked there.
"""

import base64
import contextlib
import json
import time
from http.client import HTTPConnection, HTTPException
from typing import Any

from anypool.drivers.vsphere.connect import Session
from anypool.errors import Denied

FRESH_S = 30.0
LIMIT_S = 10.0
LONGEST_BYTES = 32 << 20
_MOST_TAGS = 5_000
_SESSION = "/rest/com/vmware/cis/session"
_TAGGING = "/rest/com/vmware/cis/tagging"
_ATTACHED = f"{_TAGGING}/tag-association?~action=list-attached-objects-on-tags"
_HEADER = "vmware-api-session-id"

Labels = dict[str, frozenset[str]]


class _Refused(Exception):
    """The service said no, with a status."""


_TROUBLE = (
    *(OSError, HTTPException, _Refused, Denied),
    *(ValueError, TypeError, KeyError, AttributeError),
)
"""What makes tags unread: silence, a refusal, or an answer that is none."""


class Tags:
    """Which object bears which tags, written `category:name`; by vCenter's names for objects.

    A service that is not there or says no leaves what was known, in the beginning nothing: an
    account may see VMs and no tags.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._id = ""
        self._names: dict[str, str] = {}
        self._read_at = -FRESH_S
        self.labels: Labels = {}

    def refresh(self) -> bool:
        """Read all tags again if it is time; return whether it was."""
        now = time.monotonic()
        if now - self._read_at < FRESH_S:
            return False
        self._read_at = now
        with contextlib.suppress(*_TROUBLE):
            self.labels = self._read()
        return True

    def close(self) -> None:
        """Log out; harmless when repeated."""
        if self._id:
            with contextlib.suppress(*_TROUBLE):
                self._talk("DELETE", _SESSION)
        self._id = ""

    def _read(self) -> Labels:
        known: list[str] = list(self._asked("GET", f"{_TAGGING}/tag"))[:_MOST_TAGS]
        categories: dict[str, str] = {}
        for tag in known:
            if tag not in self._names:
                self._names[tag] = self._name(tag, categories)
        found: dict[str, set[str]] = {}
        attached = self._asked("POST", _ATTACHED, {"tag_ids": known}) if known else ()
        for one in attached or ():
            for thing in one.get("object_ids") or ():
                found.setdefault(str(thing["id"]), set()).add(self._names[str(one["tag_id"])])
        self._names = {tag: name for tag, name in self._names.items() if tag in known}
        return {moid: frozenset(names) for moid, names in found.items()}

    def _name(self, tag: str, categories: dict[str, str]) -> str:
        told = self._asked("GET", f"{_TAGGING}/tag/id:{tag}")
        category = str(told["category_id"])
        if category not in categories:
            place = f"{_TAGGING}/category/id:{category}"
            categories[category] = str(self._asked("GET", place)["name"])
        return f"{categories[category]}:{told['name']}"

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        """Ask, logging in if need be, and once more where the session had ended."""
        if self._id:
            with contextlib.suppress(_Refused):
                return self._talk(method, path, body)
        self._id = str(self._talk("POST", _SESSION))
        return self._talk(method, path, body)

    def _talk(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._id:
            headers[_HEADER] = self._id
        else:
            user, secret = self._session.credentials
            both = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {both}"
        sent = None if body is None else json.dumps(body)
        with contextlib.closing(self._connection()) as there:
            there.request(method, path, sent, headers)
            answer = there.getresponse()
            content = answer.read(LONGEST_BYTES)
        if answer.status != 200:
            self._id = ""
            raise _Refused(answer.status)
        return json.loads(content)["value"] if content else None

    def _connection(self) -> HTTPConnection:
        return self._session.plain_connection(LIMIT_S)
