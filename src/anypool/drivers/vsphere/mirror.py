"""What a vCenter holds, kept here and brought up to date by what it says has changed.

One property collector watches everything; asking it again brings what is new since the last
time. A session that ended takes the collector with it: the mirror is filled anew then, and
who follows changes hears that it may have missed some.
"""

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import ceil
from typing import Any

from pyVmomi import vim, vmodl

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.connect import Session
from anypool.drivers.vsphere.properties import AT_ONCE

Props = dict[str, Any]

PATIENCE_S = 1.0
"""A wait for changes is at most so long at a time, so that others get their turn."""


class Entry:
    """One managed object: its kind, and its properties by path; those not set are not there."""

    __slots__ = ("kind", "props")

    def __init__(self, kind: str, props: Props) -> None:
        self.kind = kind
        self.props = props

    def get(self, path: str) -> Any:
        """Return a property, None if it is not set."""
        return self.props.get(path)


class Mirror:
    """The objects of a vCenter by vCenter's names for them; used from several threads.

    `told` is called for every object that came, changed or went, with its entry as it was
    last known, and whether that is news: what somebody asked for is none to them. `began` is
    called when everything was read anew.
    """

    def __init__(
        self, session: Session, told: Callable[[str, Entry, bool], None], began: Callable[[], None]
    ) -> None:
        self._session = session
        self._told = told
        self._began = began
        self._turn = threading.Lock()
        self._data = threading.RLock()
        self._objects: dict[str, Entry] = {}
        self._collector: Any = None
        self._version = ""
        self._generation = ""
        self._hurry = threading.Event()

    def refresh(self) -> None:
        """Bring everything up to date; raise `Unreachable`."""
        self._interrupt()
        with self._turn:
            self._hurry.clear()
            self._session.read("read what changed", partial(self._pump, wait_s=0.0))

    def catch_up(self) -> None:
        """Take in what changed, unless somebody is doing so already."""
        if self._turn.acquire(blocking=False):
            try:
                self._session.read("read what changed", partial(self._pump, wait_s=0.0))
            finally:
                self._turn.release()

    def wait(self, wait_s: float) -> None:
        """Take in changes for up to `wait_s`, returning early once there are any."""
        until = time.monotonic() + wait_s
        while True:
            left = until - time.monotonic()
            step = partial(self._pump, wait_s=max(0.0, min(left, PATIENCE_S)))
            with self._turn:
                found = self._session.read("wait for changes", step)
            if found or left <= 0:
                return
            if self._hurry.is_set():
                time.sleep(0.01)

    def read(self, moids: Iterable[str], kind: str = properties.VM) -> dict[str, Entry]:
        """Ask for single objects now and return those that are there."""
        wanted = sorted(set(moids))
        if not wanted:
            return {}
        made = properties.KINDS[kind]

        def ask(root: Any) -> list[Any]:
            stub = root.rootFolder._stub
            spec = properties.only([made(moid, stub) for moid in wanted])
            return properties.retrieved(root.propertyCollector, spec)

        found: dict[str, Entry] = {}
        for content in self._session.read("read VMs", ask):
            entry = Entry(properties.kind_of(content.obj), _properties(content.propSet))
            found[content.obj._moId] = entry
        with self._data:
            for moid in wanted:
                self._put(moid, found.get(moid), news=False)
        return found

    def entries(self) -> dict[str, Entry]:
        """Return everything known, by vCenter's names."""
        with self._data:
            return dict(self._objects)

    def entry(self, moid: str) -> Entry | None:
        """Return one object as last known."""
        with self._data:
            return self._objects.get(moid)

    @property
    def generation(self) -> str:
        """The name of the reading that changes are counted from, "" before the first one."""
        return self._generation

    def _pump(self, root: Any, wait_s: float) -> bool:
        """Take in what changed; return whether anything did."""
        if self._collector is None or self._generation != self._session.generation:
            self._fill(root)
            return True
        options = properties.PC.WaitOptions(maxWaitSeconds=ceil(wait_s), maxObjectUpdates=AT_ONCE)
        try:
            return self._take_all(options, fill=None)
        except vim.fault.NotAuthenticated:
            self._collector = None
            raise
        except vmodl.fault.RequestCanceled:
            return False

    def _fill(self, root: Any) -> None:
        self._generation, self._version = self._session.generation, ""
        self._collector = root.propertyCollector.CreatePropertyCollector()
        kinds = [properties.KINDS[kind] for kind in properties.PATHS]
        view = root.viewManager.CreateContainerView(root.rootFolder, kinds, True)
        self._collector.CreateFilter(properties.everything(view), False)
        fresh: dict[str, Entry] = {}
        options = properties.PC.WaitOptions(maxWaitSeconds=0, maxObjectUpdates=AT_ONCE)
        try:
            with _without_collecting():
                self._take_all(options, fill=fresh)
        except BaseException:
            self._collector = None
            raise
        with self._data:
            self._objects = fresh
        self._began()

    def _take_all(self, options: Any, *, fill: dict[str, Entry] | None) -> bool:
        found = False
        while True:
            update = self._collector.WaitForUpdatesEx(self._version, options)
            if update is None:
                return found
            for part in update.filterSet:
                for one in part.objectSet:
                    found = True
                    self._take(one, fill)
            self._version = update.version
            if not update.truncated:
                return found
            options = properties.PC.WaitOptions(maxWaitSeconds=0, maxObjectUpdates=AT_ONCE)

    def _take(self, update: Any, fill: dict[str, Entry] | None) -> None:
        moid = update.obj._moId
        if fill is not None:
            fill[moid] = Entry(properties.kind_of(update.obj), _changed({}, update.changeSet))
            return
        with self._data:
            if update.kind == "leave":
                self._put(moid, None)
                return
            old = self._objects.get(moid)
            props = {} if old is None or update.kind == "enter" else old.props
            kind = properties.kind_of(update.obj)
            self._put(moid, Entry(kind, _changed(props, update.changeSet)))

    def _put(self, moid: str, entry: Entry | None, *, news: bool = True) -> None:
        old = self._objects.get(moid)
        if entry is None:
            if old is not None:
                del self._objects[moid]
                self._told(moid, old, True)
            return
        self._objects[moid] = entry
        self._told(moid, entry, news)

    def _interrupt(self) -> None:
        """Let a wait that is under way end."""
        self._hurry.set()
        collector = self._collector
        if collector is not None and self._turn.locked():
            with contextlib.suppress(Exception):
                collector.CancelWaitForUpdates()


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Let Python not look for garbage meanwhile: in a million new objects that are all needed."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _properties(given: Iterable[Any]) -> Props:
    return {one.name: one.val for one in given}


def _changed(props: Props, changes: Iterable[Any]) -> Props:
    made = dict(props)
    for change in changes:
        if change.op in ("remove", "indirectRemove") or change.val is None:
            made.pop(change.name, None)
        else:
            made[change.name] = change.val
    return made
