"""The boot host: its entries on disk, and everything that follows from them made so."""

from __future__ import annotations

import hmac
import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from anypool.boothost import joining, render
from anypool.boothost.dhcp import Dhcp
from anypool.boothost.files import put_json, read_json
from anypool.boothost.images import Images, disks_of
from anypool.boothost.tgt import Exported, Tgt, is_as_wanted
from anypool.boothost.values import Entry, Refused, Site, entry_of, plain

_SECRET_BYTES = 8
"""Sixteen characters, as many as every initiator takes."""


class BootHost:
    """All entries of a boot host; one change at a time."""

    def __init__(
        self,
        site: Site,
        folder: str,
        clock: Callable[[], float] = time.time,
        parts: tuple[Dhcp, Tgt] | None = None,
    ) -> None:
        self.site = site
        self._folder = folder
        self._clock = clock
        os.makedirs(f"{folder}/entries", mode=0o700, exist_ok=True)
        self.images = Images(folder, site.copies)
        self._dhcp, self._tgt = parts or (Dhcp(site, folder), Tgt(site.control, folder))
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        self._bound: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self._tokens: dict[str, str] = {}
        self._served: dict[str, tuple[float, int]] = {}
        self._problems: dict[str, str] = {}
        self._seen: tuple[Exported, ...] = ()
        self._load()

    def close(self) -> None:
        """End dnsmasq; targets stay as they are, since servers run from them."""
        self._dhcp.stop()
        self.images.close()

    def enter(self, entry: Entry) -> None:
        """Let a server boot as a profile from now on; quiet where it does already.

        An earlier epoch of the profile is put out first. Raises `Refused`, and `OSError` where
        nothing can be written: what was known before is then as it was.
        """
        with self._lock:
            before = self._entries.get(entry.profile)
            self._check(entry, before)
            self._change(entry.profile, entry)
            kit = self.images.kit(entry)
            if kit is not None and kit.disk:
                self.images.disk(entry, kit)

    def leave(self, profile: str, server: str) -> None:
        """Let a server boot as a profile no more; quiet where another server does, or none.

        Raises `Refused` while somebody is logged in to its target who cannot be put out.
        """
        with self._lock:
            before = self._entries.get(profile)
            if before is not None and before.server == server:
                self._change(profile, None)

    def make(self) -> None:
        """Make all as the entries say; what is not possible is a problem of the state."""
        with self._lock:
            self._problems = {}
            for what, how in (("targets", self._export), ("dhcp", self._lend)):
                try:
                    how()
                except Refused as problem:
                    self._problems[what] = f"{problem}: {problem.hint}".rstrip(": ")
                except OSError as problem:  # such as a full disk, which may be emptied
                    self._problems[what] = str(problem)

    def script(self, address: str) -> str:
        """Return what a server does that starts at an address, "" for one that is not known.

        It starts anew, so this is when it takes another version of its image.
        """
        with self._lock:
            entry = next((one for one in self._entries.values() if one.ip == address), None)
            if entry is None:
                return ""
            try:
                kit = self._taken(entry)
            except Refused as problem:
                return render.not_ready(entry, self.site, str(problem))
            self._served[entry.profile] = (self._clock(), 0 if kit is None else kit.version)
            asks = ""
            if entry.keys:
                self._tokens[entry.profile] = joining.token()
                asks = f"{self.site.url}/join/{self._tokens[entry.profile]}"
            self._write(entry)
            told = render.script(entry, self.site, kit, self._secrets.get(entry.profile, ""))
            return joining.with_address(told, asks)

    def join(self, address: str, token: str, has_it: bool = False) -> str:
        """Return who a server is that started at an address, until it says that it has it.

        It returns "" for anybody else, and from then on. An answer that is lost is asked for
        again, for as long as a start may take.
        """
        with self._lock:
            entry = next((one for one in self._entries.values() if one.ip == address), None)
            open_ = "" if entry is None else self._tokens.get(entry.profile, "")
            same = hmac.compare_digest(open_.encode(), token.encode())
            if entry is None or not open_ or not same:
                return ""
            late = self._clock() - self._served[entry.profile][0] > joining.OPEN_S
            if has_it or late:
                del self._tokens[entry.profile]
                self._write(entry)
                return joining.DONE if has_it else ""
            return joining.bundle(entry, self._keys[entry.profile])

    def knows(self, mac: str) -> bool:
        """Return whether a server that boots here has a MAC; asked from any thread."""
        return any(mac in one.macs for one in tuple(self._entries.values()))

    def file(self, address: str, name: str, version: str, part: str) -> str:
        """Return a part of an image for a server that boots it, "" for anybody else."""
        with self._lock:
            known = [one for one in self._entries.values() if one.ip == address]
        mine = any(one.image and one.wanted[0] == name for one in known)
        return self.images.file(name, version, part) if mine else ""

    def capture(self, profile: str, name: str, number: int = 0) -> int:
        """Make a version of an image of a profile's disk, and return its number.

        Raises `Refused` while anybody is logged in to it, or was meanwhile. Nobody else waits
        for the copy.
        """
        with self._lock:
            entry = self._entries.get(profile)
            disk = self._bound.get(profile, "")
            if entry is None or not disk:
                hint = "it is captured while a server bears it and is off"
                raise Refused(f"{profile} has no disk here", hint, "not-found")
            served, kit = self._served.get(profile), self.images.kit(entry)

        def check() -> None:
            with self._lock:
                self._check_idle(entry)
                if self._served.get(profile) != served or self._bound.get(profile) != disk:
                    raise Refused(f"{entry.name} started meanwhile", "shut it down and try again")

        check()
        return self.images.capture(disk, (name, number), kit, check)

    def _check_idle(self, entry: Entry) -> None:
        """Raise `Refused` while somebody is logged in to the target of an entry."""
        target = render.ours(entry, self.site)
        for one in self._tgt.seen():
            if target is not None and one.iqn == target.iqn and one.sessions:
                who = one.sessions[0].initiator
                raise Refused(f"{who} is logged in to the disk", "shut the server down first")

    def state(self) -> dict[str, Any]:
        """Return all that is known: entries, targets as read back, images, what is wrong."""
        with self._lock:
            try:
                self._seen = self._tgt.seen()
                answers = True
            except Refused as problem:
                answers = False
                self._problems["targets"] = str(problem)
            wanted = render.exports(self._entries.values(), self.site, self._bound, self._secrets)
            by_name = {one.iqn: one for one in self._seen}
            for export in wanted if answers else ():
                if not is_as_wanted(export, by_name.get(export.iqn)):
                    self._problems.setdefault("targets", f"{export.iqn} is not as it is to be")
            return {
                "dhcp": self._dhcp.pid,
                "tgtd": answers,
                "entries": [self._told(one) for one in self._sorted()],
                "targets": [_target(one) for one in self._seen],
                "images": self.images.told(),
                "copies": self.images.progress(),
                "problems": [f"{what}: {why}" for what, why in sorted(self._problems.items())],
            }

    def _sorted(self) -> list[Entry]:
        return [self._entries[key] for key in sorted(self._entries)]

    def _told(self, entry: Entry) -> dict[str, Any]:
        at, version = self._served.get(entry.profile, (0.0, 0))
        known = {"served_at": at, "runs": version, "disk": self._bound.get(entry.profile, "")}
        known["host_key"] = self._keys.get(entry.profile, ("", ""))[1]
        known["next"] = 0
        known["problem"] = ""
        try:
            kit = self.images.kit(entry)
            known["next"] = 0 if kit is None else kit.version
        except Refused as problem:
            known["problem"] = str(problem)
        return {**plain(entry), **known}

    def _check(self, entry: Entry, before: Entry | None) -> None:
        """Raise `Refused` where somebody else would be one of those that this one is to be."""
        if before is not None and before.epoch > entry.epoch:
            raise Refused(f"{before.mark} is here, which is later than {entry.mark}", "plan again")
        same = before is not None and before.epoch == entry.epoch
        if before is not None and same and before.server != entry.server:
            raise Refused(f"{entry.mark} is another server's here", "plan again")
        for other in self._entries.values():
            if other.profile != entry.profile and (what := _both(entry, other)):
                hint = f"take it from {other.name} first"
                raise Refused(f"{what} is of {other.name} ({other.mark})", hint)
        target = render.ours(entry, self.site)
        kit = self.images.kit(entry)
        if target is not None and (kit is None or not kit.disk):
            hint = "give the profile an image that has a disk: `anypool profile edit --image`"
            raise Refused(f"{target.iqn} is served here and has no disk", hint)
        if kit is not None and kit.disk and not kit.kernel and target is None:
            hint = f"give it a target at {self.site.address}, or an image with a kernel"
            raise Refused(f"{entry.name} would have a disk and no target to reach it", hint)

    def _change(self, profile: str, entry: Entry | None) -> None:
        """Put an entry in place of the one there is, and make all so; else all is as it was."""
        tables = (self._entries, self._bound, self._served, self._secrets, self._keys)
        kept = tuple(one.get(profile) for one in tables)
        try:
            self._put(profile, entry)
        except OSError:  # such as a full disk
            self._restore(profile, kept)
            raise
        self.make()
        if not self._problems:
            return
        why = "; ".join(f"{what}: {how}" for what, how in sorted(self._problems.items()))
        self._restore(profile, kept)
        self.make()
        raise Refused(why, "see `anypool boot-service status`", "silent")

    def _restore(self, profile: str, kept: tuple[Any, ...]) -> None:
        entry, disk, served, secret, key = kept
        if disk is not None:
            self._bound[profile] = disk
        if served is not None:
            self._served[profile] = served
        if secret is not None:
            self._secrets[profile] = secret
        self._keys.pop(profile, None)
        if key is not None:
            self._keys[profile] = key
        if entry is None:
            self._put(profile, None)
        else:
            self._entries[profile] = entry
            with suppress(OSError):  # a disk that is full kept the file that was there
                self._write(entry)

    def _taken(self, entry: Entry) -> render.Kit | None:
        """Give a server that starts the disk of the version that it is to have."""
        kit = self.images.kit(entry)
        if kit is not None and kit.disk and render.ours(entry, self.site) is not None:
            disk = self.images.disk(entry, kit)
            if not disk:
                raise Refused("its disk is being made")
            self._bound[entry.profile] = disk
            self._export()
            self.images.prune(entry, disk)
        return kit

    def _export(self) -> None:
        self._bound = disks_of(self.images, self._entries.values(), self._bound)
        wanted = render.exports(self._entries.values(), self.site, self._bound, self._secrets)
        self._seen = self._tgt.make(wanted)

    def _lend(self) -> None:
        self._dhcp.keep(self._entries.values())

    def _put(self, profile: str, entry: Entry | None) -> None:
        path = f"{self._folder}/entries/{profile}.json"
        if entry is None:
            self._entries.pop(profile, None)
            self._bound.pop(profile, None)
            self._served.pop(profile, None)
            self._secrets.pop(profile, None)
            self._keys.pop(profile, None)
            self._tokens.pop(profile, None)
            with suppress(FileNotFoundError):
                os.unlink(path)
            return
        before = self._entries.get(profile)
        new = before is None or before.mark != entry.mark
        if entry.keys and (new or profile not in self._keys):
            self._keys[profile] = joining.host_key()
        if new:
            self._secrets[profile] = secrets.token_hex(_SECRET_BYTES)
            self._tokens.pop(profile, None)
        if not entry.keys:
            self._keys.pop(profile, None)
        self._entries[profile] = entry
        self._write(entry)

    def _write(self, entry: Entry) -> None:
        served = self._served.get(entry.profile, (0.0, 0))
        kept: dict[str, Any] = {"entry": plain(entry), "served": served}
        kept["disk"] = self._bound.get(entry.profile)
        kept["secret"] = self._secrets[entry.profile]
        kept["key"] = self._keys.get(entry.profile)
        kept["token"] = self._tokens.get(entry.profile, "")
        put_json(f"{self._folder}/entries/{entry.profile}.json", kept)

    def _load(self) -> None:
        for name in sorted(os.listdir(f"{self._folder}/entries")):
            if not name.endswith(".json"):
                continue
            kept = read_json(f"{self._folder}/entries/{name}")
            entry = entry_of(kept["entry"])
            self._entries[entry.profile] = entry
            self._secrets[entry.profile] = str(kept["secret"])
            if key := kept.get("key"):
                self._keys[entry.profile] = (str(key[0]), str(key[1]))
            if token := kept.get("token"):
                self._tokens[entry.profile] = str(token)
            at, version = kept["served"]
            self._served[entry.profile] = (float(at), int(version))
            if kept["disk"]:
                self._bound[entry.profile] = str(kept["disk"])


def _both(entry: Entry, other: Entry) -> str:
    """Return what two entries would both be, "" where nothing."""
    if entry.server == other.server:
        return "the server"
    if shared := sorted(set(entry.macs) & set(other.macs)):
        return shared[0]
    for one in ("ip", "initiator", "name"):
        if getattr(entry, one) and getattr(entry, one) == getattr(other, one):
            return str(getattr(entry, one))
    targets = {one.iqn for one in entry.targets} & {one.iqn for one in other.targets}
    return min(targets, default="")


def _target(one: Exported) -> dict[str, Any]:
    return {
        "iqn": one.iqn,
        "disks": [path for _, path in one.disks],
        "allowed": sorted(one.allowed),
        "sessions": [f"{x.initiator} at {x.address}" for x in one.sessions],
    }
