"""Tags of a vCenter: they are told by its REST service alone, and never as changes.

So they are asked for again and again while somebody waits for changes, cheaply: which tags there
are, and what they are attached to. A reading that takes long is made less often. Names are kept
and asked again one by one. Only questions are asked here.
"""

import threading
import time
from collections.abc import Iterator

from anypool.drivers.vsphere.rest import TAGGING, TROUBLE, Rest

FRESH_S = 30.0
"""Tags that nobody waits for are at most so old in a full reading."""
POLL_S = 1.0
"""Seconds between two readings while somebody waits."""
SHARE = 10
"""A reading that takes long is followed by a rest so many times as long."""
EARLY_S = 0.5
"""A reading that is due so soon is made now: a wait for changes lasts whole seconds."""
MOST_TAGS = 5_000
_NONE: frozenset[str] = frozenset()
_ATTACHED = f"{TAGGING}/tag-association?~action=list-attached-objects-on-tags"

Labels = dict[str, frozenset[str]]
Difference = tuple[frozenset[str], frozenset[str]]
"""What an object got, and what it lost."""


class Tags:
    """Which object bears which tags, written `category:name`; by vCenter's names for objects.

    A service that is not there or says no leaves what was known, in the beginning nothing: an
    account may see VMs and no tags.
    """

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._turn = threading.Lock()
        self._names: dict[str, str] = {}
        self._read_at = -FRESH_S
        self._due = 0.0
        self._failures = 0
        self._read_once = False
        self._told: Labels | None = None
        self.labels: Labels = {}

    def due_s(self) -> float:
        """Return in how many seconds they are to be read again for who waits."""
        return max(0.0, self._due - time.monotonic())

    def refresh(self) -> None:
        """Read all tags again if they are old."""
        with self._turn:
            if time.monotonic() - self._read_at >= FRESH_S:
                self._renew()

    def renew(self) -> None:
        """Read all tags again now: something was written."""
        with self._turn:
            self._renew()

    def poll(self) -> dict[str, Difference]:
        """Read again if it is due; return what each object got and lost since the last time."""
        with self._turn:
            if self.due_s() <= EARLY_S:
                self._renew()
            told = self._told
            if self._read_once:
                self._told = self.labels
            return {} if told is None else dict(_differences(told, self.labels))

    def _renew(self) -> None:
        began = time.monotonic()
        self._read_at = began
        try:
            self.labels = self._read()
        except TROUBLE:
            self._failures += 1
            rest_s = POLL_S * 2**self._failures
        else:
            self._failures, self._read_once = 0, True
            rest_s = max(POLL_S, SHARE * (time.monotonic() - began))
        self._due = time.monotonic() + min(FRESH_S, rest_s)

    def _read(self) -> Labels:
        known: list[str] = list(self._rest.ask("GET", f"{TAGGING}/tag") or ())[:MOST_TAGS]
        self._name(known)
        found: dict[str, set[str]] = {}
        attached = self._rest.ask("POST", _ATTACHED, {"tag_ids": known}) if known else ()
        for one in attached or ():
            for thing in one.get("object_ids") or ():
                found.setdefault(str(thing["id"]), set()).add(self._names[str(one["tag_id"])])
        return {moid: frozenset(names) for moid, names in found.items()}

    def _name(self, known: list[str]) -> None:
        """Ask for the names of new tags, and again for the one that was asked longest ago."""
        there = set(known)
        names = {tag: name for tag, name in self._names.items() if tag in there}
        categories: dict[str, str] = {}
        oldest = next(iter(names), None)
        if oldest is not None:
            del names[oldest]
        for tag in known:
            if tag not in names:
                names[tag] = self._name_of(tag, categories)
        self._names = names

    def _name_of(self, tag: str, categories: dict[str, str]) -> str:
        told = self._rest.ask("GET", f"{TAGGING}/tag/id:{tag}")
        category = str(told["category_id"])
        if category not in categories:
            place = f"{TAGGING}/category/id:{category}"
            categories[category] = str(self._rest.ask("GET", place)["name"])
        return f"{categories[category]}:{told['name']}"


def said(got: frozenset[str], lost: frozenset[str]) -> str:
    """Return in words which tags an object got and lost."""
    return ", ".join([f"tag {one} attached" for one in sorted(got)]
                     + [f"tag {one} detached" for one in sorted(lost)])  # fmt: skip


def _differences(old: Labels, new: Labels) -> Iterator[tuple[str, Difference]]:
    for moid in old.keys() | new.keys():
        before, after = old.get(moid, _NONE), new.get(moid, _NONE)
        if before != after:
            yield moid, (after - before, before - after)
