"""libvirt's hook: it asks here before it starts a VM, and says when one has ended.

libvirt starts nothing when the hook fails, whoever wanted it: a manager, virsh, autostart.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from anypool.warden import granting
from anypool.warden.config import STATE, Misconfigured, Told, read_state
from anypool.warden.deciding import check, expect, here_of, release, take
from anypool.warden.holdings import Holdings, Refused
from anypool.warden.keeping import Clock
from anypool.warden.watching import Proven

NAMESPACE = "https://anypool.dev/xmlns/warden/1"
PATIENCE_S = 20.0
"""A hook that took longer was too slow to be believed."""

ANNOUNCED_S = 10.0
"""After libvirt said that a VM comes by migration, so much later it must have begun."""


class Asked:
    """One question of libvirt: what is to be done with which VM, and what that VM is."""

    def __init__(self, words: list[str], described: str) -> None:
        """`words` are the hook's arguments; raise `Misconfigured` for XML that is none."""
        self.operation = words[1] if len(words) > 1 else ""
        self.moment = words[2] if len(words) > 2 else ""
        try:
            self._xml = ET.fromstring(described) if described.strip() else ET.Element("domain")
        except ET.ParseError as problem:
            raise Misconfigured(f"what libvirt tells of a VM is no XML: {problem}") from problem
        self.vm = (self._xml.findtext("uuid") or "").strip()

    def files(self) -> Iterator[str]:
        """The files of its disks."""
        for source in self._xml.iterfind("devices/disk//source"):
            for word in ("file", "dev"):
                if path := source.get(word):
                    yield os.path.realpath(path)

    def volumes(self) -> Iterator[str]:
        """The names of its disks that are volumes; libvirt knows where their pools lie."""
        for source in self._xml.iterfind("devices/disk//source"):
            if volume := source.get("volume"):
                yield volume

    def proven(self) -> Iterator[Proven]:
        """The hosts that whoever starts it has proven to be dead."""
        for one in self._xml.iterfind(f"metadata/{{{NAMESPACE}}}proofs/{{{NAMESPACE}}}proven"):
            try:
                yield Proven(
                    one.get("host", ""),
                    one.get("boot", ""),
                    int(one.get("epoch", "")),
                    int(one.get("sequence", "")),
                )
            except ValueError:
                continue


class Gate:
    """Answers libvirt by what the warden knows; `coming` are VMs that arrive by migration."""

    def __init__(self, clock: Clock, state: str = STATE) -> None:
        self._clock = clock
        self._state = state
        self._coming = os.path.join(os.path.dirname(state), "coming")

    def answer(self, asked: Asked) -> None:
        """Do what a question asks for; raise `Refused` or `Misconfigured` to forbid it."""
        if (asked.operation, asked.moment) == ("release", "end"):
            self._mark(asked.vm, there=False)
            granting.drop(self._state, asked.vm)
            self._let_go(asked)
        elif asked.operation in ("migrate", "prepare", "start") and asked.moment == "begin":
            begun = self._clock()
            told, _ = read_state(self._state)
            self._allow(asked, told)
            self._check_still(begun, told)

    def _allow(self, asked: Asked, told: tuple[Told, ...]) -> None:
        self._check_fresh(told)
        if asked.operation == "migrate":
            self._each(asked, told, expect)
            self._mark(asked.vm, there=True)
        elif asked.operation == "prepare":
            self._each(asked, told, expect if self._was_announced(asked.vm) else take)
        else:
            self._each(asked, told, check)
            granting.note(self._state, asked.vm, [one.folder for one in self._of(asked, told)])

    def _check_still(self, begun: float, told: tuple[Told, ...]) -> None:
        """Raise `Refused` if an answer took too long, or its lease was lost meanwhile."""
        if self._clock() - begun > PATIENCE_S:
            raise Refused("the storage answered too late")
        now, _ = read_state(self._state)
        self._check_fresh(now)
        if [one.me for one in now] != [one.me for one in told]:
            raise Refused("this host lost its lease meanwhile")

    def _check_fresh(self, told: tuple[Told, ...]) -> None:
        now = self._clock()
        for one in told:
            if not one.fresh(now):
                raise Refused(f"this host does not hold its lease in {one.folder}")

    def _each(self, asked: Asked, told: tuple[Told, ...], deed: object) -> None:
        for one in self._of(asked, told):
            here = here_of(one, self._clock, tuple(asked.proven()))
            deed(Holdings(one.folder), asked.vm, here)  # type: ignore[operator]

    def _let_go(self, asked: Asked) -> None:
        told, _ = read_state(self._state)
        for one in self._of(asked, told):
            release(Holdings(one.folder), asked.vm, one.me)

    def _of(self, asked: Asked, told: tuple[Told, ...]) -> list[Told]:
        """The datastores that a VM has a disk on."""
        files = tuple(asked.files())
        volumes = tuple(asked.volumes())
        roots = [(one, os.path.realpath(one.folder).rstrip("/") + "/") for one in told]
        return [
            one
            for one, root in roots
            if any(file.startswith(root) for file in files)
            or any(os.path.lexists(os.path.join(root, volume)) for volume in volumes)
        ]

    def _was_announced(self, vm: str) -> bool:
        """Whether libvirt said just now that this VM comes by migration; it is said for one start.

        What is older belongs to a migration that failed before: the next start is a plain one.
        """
        path = os.path.join(self._coming, vm)
        try:
            with open(path) as file:
                said_at = float(file.read())
            os.unlink(path)
        except (OSError, ValueError):
            return False
        return 0 <= self._clock() - said_at < ANNOUNCED_S

    def _mark(self, vm: str, *, there: bool) -> None:
        path = os.path.join(self._coming, vm)
        if there:
            os.makedirs(self._coming, exist_ok=True)
            with open(path, "w") as file:
                file.write(str(self._clock()))
        elif os.path.exists(path):
            os.unlink(path)


def main(words: list[str], clock: Clock) -> int:
    """Answer one call of libvirt; 0 lets it go on. Its last line on stderr is shown to people."""
    try:
        asked = Asked(words, sys.stdin.read())
        if asked.vm:
            Gate(clock).answer(asked)
    except (Refused, Misconfigured, OSError) as problem:
        name = words[0] if words else "a VM"
        sys.stderr.write(f"anypool-warden: {name} may not run here: {problem}\n")
        return 1
    return 0
