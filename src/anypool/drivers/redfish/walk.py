"""Reading many resources of one service: a few at a time, each once, within bounds.

What was read before and bears an ETag is asked for with it, so that a BMC need not make it
again. What cannot be read is noted and leaves a gap: the rest is worth having.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from anypool.drivers.redfish.fields import Resource
from anypool.drivers.redfish.service import Service, linked, members, next_page
from anypool.errors import AnypoolError, NotFound, Unreachable

T = TypeVar("T")
AT_ONCE = 4
"""Connections to one BMC: many have a handful, and a slow processor behind them."""
MOST_RESOURCES = 1500
MOST_MEMBERS = 512
MOST_PAGES = 64
LONGEST_S = 3600.0


class Kept:
    """Resources by path with their ETags, from one walk to the next."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Resource]] = {}
        self._since = time.monotonic()

    def refresh(self) -> None:
        """Forget all of it now and then: there are services whose ETags never change."""
        if time.monotonic() - self._since > LONGEST_S:
            self.clear()

    def clear(self) -> None:
        """Forget all of it."""
        self._known.clear()
        self._since = time.monotonic()

    def etag(self, path: str) -> str:
        """Return the ETag a resource had, "" for none."""
        return self._known.get(path, ("", {}))[0]

    def body(self, path: str) -> Resource:
        """Return a resource as it was."""
        return self._known[path][1]

    def put(self, path: str, etag: str, body: Resource) -> None:
        """Keep a resource that bears an ETag."""
        if etag and len(self._known) < MOST_RESOURCES:
            self._known[path] = (etag, body)
        else:
            self._known.pop(path, None)


class Walk:
    """One reading of many resources, by some threads; `unread` is what went wrong."""

    def __init__(self, service: Service, kept: Kept) -> None:
        self._service = service
        self._kept = kept
        self._lock = threading.Lock()
        self._idle: list[Service] = []
        self._made: list[Service] = []
        self._seen: dict[str, Resource] = {}
        self._asked = 0
        self._closed = False
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self.unread: dict[str, str] = {}

    def close(self) -> None:
        """End its connections."""
        with self._lock:
            self._closed = True
            for one in self._made:
                one.end()

    def get(self, path: str) -> Resource:
        """Return a resource; raise what the service says."""
        with self._lock:
            if path in self._seen:
                return self._seen[path]
            self._asked += 1
            if self._asked > MOST_RESOURCES:
                raise Unreachable(f"{self._service.name} has more than {MOST_RESOURCES} resources")
        with self._turns:
            with self._lock:
                reader = self._idle.pop() if self._idle else self._another()
            try:
                body = reader.get_if_new(path, self._kept)
            finally:
                with self._lock:
                    self._idle.append(reader)
        with self._lock:
            self._seen[path] = body
        return body

    def tried(self, path: str, what: str) -> Resource:
        """Return a resource, {} where there is none or where it cannot be read: that is noted."""
        if not path:
            return {}
        try:
            return self.get(path)
        except NotFound:
            return {}
        except AnypoolError as error:
            self.note(what, error)
        return {}

    def note(self, what: str, error: AnypoolError) -> None:
        """Keep that something could not be read, and why: the first reason counts."""
        with self._lock:
            self.unread.setdefault(what, error.message)

    def all_of(self, path: str, what: str) -> list[tuple[str, Resource]]:
        """Return the members of a collection with their paths, those that could be read."""
        return self.each(self.paths(path, what), what)

    def each(self, paths: Iterable[str], what: str) -> list[tuple[str, Resource]]:
        """Return some resources with their paths, those that could be read."""
        wanted = tuple(dict.fromkeys(paths))
        if len(wanted) > MOST_MEMBERS:
            self.note(what, Unreachable(f"there are more than {MOST_MEMBERS}"))
            wanted = wanted[:MOST_MEMBERS]
        read = self.at_once(lambda path: self.tried(path, what), wanted)
        return [(path, body) for path, body in zip(wanted, read, strict=True) if body]

    def paths(self, path: str, what: str) -> tuple[str, ...]:
        """Return the paths of a collection's members, over all its pages."""
        found, page, pages = list[str](), path, 0
        while page and pages < MOST_PAGES and len(found) <= MOST_MEMBERS:
            body = self.tried(page, what)
            if body and not isinstance(body.get("Members"), list):
                self.note(what, Unreachable("the list of its members is none"))
            found += members(body)
            page, pages = next_page(body), pages + 1
        return tuple(found)

    @staticmethod
    def at_once(do: Callable[[str], T], paths: Iterable[str]) -> list[T]:
        """Return what a function makes of each path, several at a time, in their order."""
        every = tuple(paths)
        if len(every) < 2:
            return [do(path) for path in every]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="redfish") as crew:
            return list(crew.map(do, every))

    def _another(self) -> Service:
        if self._closed:
            raise Unreachable(f"{self._service.name} is not read any more")
        made = self._service.beside()
        self._made.append(made)
        return made


def links(resource: Resource, name: str) -> tuple[str, ...]:
    """Return the paths of a list of links within a resource."""
    return linked(resource.get(name))
