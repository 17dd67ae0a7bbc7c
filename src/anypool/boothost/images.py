"""Images in versions, and the disk that each profile has of one: a copy, made in the background.

An image is a folder with a folder for each version: `disk.raw`, or `kernel`, `initrd` and their
`cmdline`, or both. Which version is current is one number; a profile takes it at its next start.
The disk it had of an earlier version stays for a while, so that a step back finds it again.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from anypool.boothost.copying import copied
from anypool.boothost.files import put_json, read_json
from anypool.boothost.render import Kit
from anypool.boothost.values import Entry, Refused, image_name

PARTS = ("disk.raw", "kernel", "initrd")
DISKS_KEPT = 2
"""How many disks a profile has of one image: that of the version it runs, and the one before."""
_CMDLINE_MOST = 1000


@dataclass
class Copying:
    """How far a copy is, in bytes; `problem` says why it ended without one."""

    done: int = 0
    size: int = 0
    problem: str = ""


class Images:
    """All images of a boot host and the disks made of them; `at_once` copies run together."""

    def __init__(self, folder: str, at_once: int) -> None:
        self._images = f"{folder}/images"
        self._disks = f"{folder}/disks"
        self._import = f"{folder}/import"
        for path in (self._images, self._disks, self._import):
            os.makedirs(path, mode=0o755, exist_ok=True)
        self._lock = threading.Lock()
        self._copies: dict[str, Copying] = {}
        self._crew = ThreadPoolExecutor(at_once, thread_name_prefix="copy")
        self._closed = False

    def close(self) -> None:
        """Begin no more copies."""
        self._closed = True
        self._crew.shutdown(wait=True, cancel_futures=True)

    def add(self, name: str, parts: dict[str, str], cmdline: str, number: int = 0) -> int:
        """Make a version of files of the import folder, which leave it; return its number.

        That is `number`, or the next one for 0. The first version of an image is current at
        once, others when they are chosen. Raises `Refused`.
        """
        _check_parts(parts, cmdline)
        found = {one: self._found(file) for one, file in parts.items()}
        version = self._keep((name, number), found, cmdline, _linked)
        for path in found.values():
            with suppress(OSError):
                os.unlink(path)
        return version

    def _found(self, file: str) -> str:
        """Return where a file of the import folder is; no other is taken. Raise `Refused`."""
        path = os.path.realpath(f"{self._import}/{file}")
        inside = path.startswith(os.path.realpath(self._import) + "/")
        if not inside or not os.path.isfile(path):
            hint = f"copy it into {self._import}"
            raise Refused(f"{file[:200]} is no file of the import folder", hint, "not-found")
        return path

    def _keep(
        self,
        wanted: tuple[str, int],
        parts: dict[str, str],
        cmdline: str,
        bring: Callable[[str, str], None],
    ) -> int:
        """Make a version of files that `bring` brings; one that fails has used its number."""
        name, number = wanted
        folder = self._folder(name)
        with self._lock:
            given = self._given(name)
            version = number or max(given, default=0) + 1
            if version in given or version < 0:
                raise Refused(f"{name}:{version} was there already", "take another number")
            put_json(f"{folder}/given", sorted({*given, version}), 0o644)
            put_json(f"{folder}/last", max({*given, version}), 0o644)
        made = f"{folder}/{version}.new"
        try:
            os.makedirs(made, mode=0o755)
            for part, source in sorted(parts.items()):
                bring(source, f"{made}/{part}")
            put_json(f"{made}/image.json", {"cmdline": cmdline}, 0o644)
            os.rename(made, f"{folder}/{version}")
        except OSError as problem:
            raise Refused(f"the image cannot be kept: {problem}", "is there room?") from problem
        finally:
            shutil.rmtree(made, ignore_errors=True)
        if self.current(name) == 0:
            self.choose(name, version)
        return version

    def choose(self, name: str, version: int) -> None:
        """Make a version the current one; raise `Refused` where there is none."""
        if version not in self.versions(name):
            raise Refused(f"there is no {name}:{version}", self._there(name), "not-found")
        put_json(f"{self._folder(name)}/current", version, 0o644)

    def forget(self, name: str, version: int) -> None:
        """Delete a version that is not current, with the disks nobody runs being kept."""
        if version not in self.versions(name):
            raise Refused(f"there is no {name}:{version}", self._there(name), "not-found")
        if version == self.current(name):
            raise Refused(f"{name}:{version} is the current version", "choose another one first")
        shutil.rmtree(f"{self._folder(name)}/{version}")

    def current(self, name: str) -> int:
        """Return the number of the current version, 0 where there is none."""
        return _number(f"{self._images}/{name}/current")

    def versions(self, name: str) -> list[int]:
        """Return the numbers of the versions that are there."""
        with suppress(OSError):
            return sorted(int(one) for one in os.listdir(f"{self._images}/{name}") if one.isdigit())
        return []

    def kit(self, entry: Entry) -> Kit | None:
        """Return what an entry boots next; None where it has no image. Raise `Refused`."""
        if not entry.image:
            return None
        name, asked = entry.wanted
        version = asked or self.current(name)
        if version not in self.versions(name):
            what = f"{name}:{version}" if version else name
            raise Refused(f"there is no image {what} here", self._there(name), "not-found")
        folder = f"{self._images}/{name}/{version}"
        return Kit(
            name=name,
            version=version,
            kernel=os.path.exists(f"{folder}/kernel"),
            initrd=os.path.exists(f"{folder}/initrd"),
            cmdline=str(read_json(f"{folder}/image.json").get("cmdline", "")),
            disk=os.path.exists(f"{folder}/disk.raw"),
        )

    def file(self, name: str, version: str, part: str) -> str:
        """Return where a part of an image is that is served; "" where there is none."""
        path = f"{self._images}/{name}/{version}/{part}"
        served = part in ("kernel", "initrd") and version.isdigit() and name in self.names()
        return path if served and os.path.isfile(path) else ""

    def names(self) -> list[str]:
        """Return the names of all images."""
        return sorted(os.listdir(self._images))

    def disk(self, entry: Entry, kit: Kit) -> str:
        """Return the disk of an entry, "" while it is being made: that is begun then."""
        path = f"{self._disks}/{entry.profile}/{kit.name}-{kit.version}.raw"
        if os.path.exists(path):
            return path
        with self._lock:
            before = self._copies.get(path)
            if (before is None or before.problem) and not self._closed:
                self._copies[path] = Copying()
                self._crew.submit(self._copy, kit, path)
        return ""

    def capture(
        self, disk: str, wanted: tuple[str, int], kit: Kit | None, check: Callable[[], None]
    ) -> int:
        """Make a version of a disk, booted as `kit` is; return its number.

        `wanted` is the name of its image and its number, 0 for the next one.

        `check` raises `Refused` if somebody may have written to it; it is asked after the copy.
        """

        def bring(source: str, target: str) -> None:
            copied(source, target, lambda *_: None)
            check()

        parts = {"disk.raw": disk}
        if kit is not None and kit.kernel:
            folder = f"{self._images}/{kit.name}/{kit.version}"
            parts |= {one: f"{folder}/{one}" for one in ("kernel", "initrd") if getattr(kit, one)}
        return self._keep(wanted, parts, "" if kit is None else kit.cmdline, bring)

    def prune(self, entry: Entry, runs: str) -> None:
        """Delete the oldest disks of a profile, but never the one that it runs."""
        folder = f"{self._disks}/{entry.profile}"
        with suppress(OSError):
            found = [f"{folder}/{one}" for one in os.listdir(folder) if one.endswith(".raw")]
            for path in sorted(found, key=os.path.getmtime)[:-DISKS_KEPT]:
                if path != runs:
                    os.unlink(path)

    def progress(self) -> dict[str, dict[str, Any]]:
        """Return how far each copy is that is under way or failed, by its file."""
        with self._lock:
            return {path: vars(one) for path, one in self._copies.items()}

    def told(self) -> list[dict[str, Any]]:
        """Return all images with their versions."""
        return [
            {
                "name": name,
                "versions": self.versions(name),
                "current": self.current(name),
                "last": max(self._given(name), default=0),
            }
            for name in self.names()
        ]

    def _copy(self, kit: Kit, path: str) -> None:
        copying = self._copies[path]

        def told(done: int, size: int) -> None:
            copying.done, copying.size = done, size
            if self._closed:
                raise OSError("the program ends")

        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            copied(f"{self._images}/{kit.name}/{kit.version}/disk.raw", path, told)
        except OSError as problem:
            copying.problem = str(problem)
        else:
            with self._lock:
                self._copies.pop(path, None)

    def _folder(self, name: str) -> str:
        folder = f"{self._images}/{image_name(name)}"
        os.makedirs(folder, mode=0o755, exist_ok=True)
        return folder

    def _last(self, name: str) -> int:
        """Return the highest number that was ever given; none is given twice."""
        return _number(f"{self._images}/{name}/last")

    def _given(self, name: str) -> set[int]:
        """Return all numbers that were ever given; of old images those up to the highest."""
        known = set(self.versions(name))
        with suppress(OSError, ValueError, TypeError):
            return known | set(map(int, read_json(f"{self._images}/{name}/given")))
        return known | set(range(1, self._last(name) + 1))

    def _there(self, name: str) -> str:
        known = [f"{name}:{one}" for one in self.versions(name)] or self.names()
        return f"there are: {', '.join(known[:8]) or 'none'}"


def _linked(source: str, target: str) -> None:
    """Give a file another name; copy it where that is not possible."""
    try:
        os.link(source, target)
    except OSError:
        copied(source, target, lambda *_: None)


def _check_parts(parts: dict[str, str], cmdline: str) -> None:
    if not parts or set(parts) - set(PARTS):
        raise Refused("an image has a disk or a kernel", "disk.raw, kernel, initrd", "invalid")
    if "initrd" in parts and "kernel" not in parts:
        raise Refused("an initrd needs its kernel", kind="invalid")
    if len(cmdline) > _CMDLINE_MOST or not cmdline.isprintable():
        raise Refused("that is no command line of a kernel", kind="invalid")


def _number(path: str) -> int:
    with suppress(OSError, ValueError, TypeError):
        return int(read_json(path))
    return 0


def disks_of(images: Images, entries: Iterable[Entry], bound: dict[str, str]) -> dict[str, str]:
    """Return the disk each entry is to have: the one it runs, else the one it boots next."""
    found = {}
    for entry in entries:
        disk = bound.get(entry.profile, "")
        if not (disk and os.path.exists(disk)):
            with suppress(Refused):
                kit = images.kit(entry)
                disk = images.disk(entry, kit) if kit is not None and kit.disk else ""
        found[entry.profile] = disk
    return found
