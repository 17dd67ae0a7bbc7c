"""The manager's HTTP API: requests, pages, problems and the stream of events."""

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx
import msgspec

from anypool.cli.failures import error_of
from anypool.errors import AnypoolError, Invalid, OutcomeUnknown, Unreachable

Json: TypeAlias = dict[str, Any]

_PREFIX = "/api/v1"
_PAGE = 1000
_TIMEOUT = httpx.Timeout(120.0, connect=5.0)
_FILE_TIMEOUT = httpx.Timeout(3600.0, connect=5.0)
_STREAM_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class Client:
    """One manager; every method raises the `AnypoolError` that the manager's problem means."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @property
    def url(self) -> str:
        """Where the manager is."""
        return str(self._http.base_url).rstrip("/")

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def get(self, path: str, **query: object) -> Json:
        """Return one object."""
        return self._json(self._send("GET", path, query=query))

    def items(self, path: str, *, query: str = "", most: int = 0) -> Iterator[Json]:
        """Yield the objects of a list, page by page; `most` 0 is all."""
        cursor, left = "", most
        while True:
            size = min(_PAGE, left) if most else _PAGE
            page = self.get(path, q=query, limit=size, cursor=cursor)
            yield from page["items"]
            left -= len(page["items"])
            cursor = page.get("next") or ""
            if not cursor or (most and left <= 0):
                return

    def download(self, path: str, **query: object) -> bytes:
        """Return a file."""
        answer = self._send("GET", path, query=query)
        if answer.is_error:
            self._json(answer)
        return answer.content

    def ask(self, path: str, body: Json) -> Json:
        """Return what is answered with a secret in it, which the manager does not keep."""
        return self._json(self._send("POST", path, body=body))

    def post(self, path: str, body: Json | None = None, **query: object) -> Json:
        """Return what a deed answers; repeated by the network, it is done once."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._json(self._send("POST", path, body=body, query=query, headers=headers))

    def patch(self, path: str, body: Json) -> Json:
        """Return the changed object."""
        return self._json(self._send("PATCH", path, body=body))

    def change(self, path: str, new: Callable[[Json], Json]) -> Json:
        """Change an object by what `new` makes of it, unless somebody else changed it meanwhile."""
        seen = self._send("GET", path)
        body = new(self._json(seen))
        headers = {"If-Match": seen.headers["ETag"]} if "ETag" in seen.headers else None
        return self._json(self._send("PATCH", path, body=body, headers=headers))

    def delete(self, path: str, **query: object) -> Json:
        """Return what the removal answers, {} for nothing."""
        return self._json(self._send("DELETE", path, query=query))

    def stream(self, path: str) -> Iterator[tuple[str, Json]]:
        """Yield the name and the content of each server-sent event until the stream ends."""
        try:
            with self._http.stream(
                "GET",
                _PREFIX + path,
                headers={"Accept": "text/event-stream"},
                timeout=_STREAM_TIMEOUT,
            ) as response:
                if response.is_error:
                    response.read()
                    self._json(response)
                yield from _events(response.iter_lines())
        except httpx.TransportError as error:
            raise Unreachable(f"the stream of {self.url} ended: {error}") from error

    def pieces(self, path: str) -> Iterator[bytes]:
        """Yield a file as it arrives; it may take its time to begin."""
        try:
            with self._http.stream("GET", _PREFIX + path, timeout=_FILE_TIMEOUT) as response:
                if response.is_error:
                    response.read()
                    self._json(response)
                yield from response.iter_raw()
        except httpx.TransportError as error:
            raise Unreachable(f"{self.url} broke off: {error}", hint="try again") from error

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        query: Json | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        given = {name: _text(value) for name, value in (query or {}).items() if value != ""}
        ask = partial(
            self._http.request, method, _PREFIX + path, params=given, headers=headers,
            timeout=_TIMEOUT, content=None if body is None else msgspec.json.encode(body),
        )  # fmt: skip
        try:
            try:
                return ask()
            except httpx.RemoteProtocolError:
                if method != "GET":
                    raise
                return ask()  # an idle connection was closed in the moment it was used
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                hint = "log in again, with --fingerprint and what the manager prints at its start"
                raise Invalid(f"{self.url} is not trusted: {error}", hint=hint) from error
            hint = "is the manager running? `anypool serve` starts one, `anypool doctor` looks"
            raise Unreachable(f"no manager answers at {self.url} ({error})", hint=hint) from error
        except httpx.TransportError as error:
            if method == "GET":
                raise Unreachable(f"{self.url} broke off: {error}") from error
            hint = "look at `anypool operation list` before doing it again"
            raise OutcomeUnknown(f"{self.url} broke off: {error}", hint=hint) from error

    def _json(self, response: httpx.Response) -> Json:
        try:
            content = msgspec.json.decode(response.content) if response.content else {}
        except msgspec.DecodeError as error:
            raise AnypoolError(
                f"{self.url} answered {response.status_code} and no JSON",
                hint="is this address a manager's?",
            ) from error
        if response.is_success and isinstance(content, dict):
            return content
        raise error_of(response.status_code, content if isinstance(content, dict) else {})


def key(name: str) -> str:
    """Return a name or id as one part of a path; raise `Invalid` for what cannot be one."""
    if name.strip(".") == "":
        raise Invalid(f"'{name}' is no name")
    return quote(name, safe="")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Json]]:
    name, data = "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield name, _decoded(data)
            name, data = "message", ""
        elif field == "event":
            name = value
        elif field == "data":
            data += value


def _decoded(data: str) -> Json:
    try:
        content = msgspec.json.decode(data)
    except msgspec.DecodeError:
        return {}
    return content if isinstance(content, dict) else {}
