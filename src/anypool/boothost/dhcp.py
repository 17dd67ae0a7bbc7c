"""dnsmasq, run as a child: it is started anew with each change, and answers nobody else."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress

from anypool.boothost.files import put
from anypool.boothost.render import hosts, settings
from anypool.boothost.values import Entry, Refused, Site

_START_S = 5.0
_END_S = 5.0
_LOOK_S = 0.02
_DHCP = "00000000:0043"
_PLACES = "/usr/sbin:/sbin:/usr/local/sbin"


class Dhcp:
    """One dnsmasq; it is the caller who lets nobody else in at the same time."""

    def __init__(self, site: Site, folder: str) -> None:
        self._site = site
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self._told = ""
        self.starts = 0

    @property
    def pid(self) -> int:
        """The process, 0 where there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else 0

    def keep(self, entries: Iterable[Entry]) -> None:
        """Have it answer for these entries and no others; nothing happens where it does.

        What it lent to others is forgotten. Raises `Refused` where it does not start, `OSError`
        where nothing can be written: then it goes on as it was.
        """
        known = tuple(entries)
        text = hosts(known)
        if self.pid and text == self._told:
            return
        _put(f"{self._folder}/dhcp-hosts", text.encode())
        _put(f"{self._folder}/dhcp.conf", settings(self._site, self._folder).encode())
        self.stop()
        self._prune(known)
        self._start()
        self._told = text

    def stop(self) -> None:
        """End it."""
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            try:
                child.wait(_END_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _start(self) -> None:
        program = shutil.which("dnsmasq", path=f"{os.environ.get('PATH', '')}:{_PLACES}")
        if program is None:
            raise Refused("there is no dnsmasq", "install Debian's dnsmasq-base", "missing")
        argv = [program, "--keep-in-foreground", "--user=root", "-C", f"{self._folder}/dhcp.conf"]
        log = f"{self._folder}/dnsmasq.log"
        with open(log, "wb") as out:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self._child = child
        self.starts += 1
        deadline = time.monotonic() + _START_S
        while not _listens(child.pid):
            if child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                with open(log, errors="replace") as file:
                    said = file.read().strip().splitlines()
                raise Refused("dnsmasq does not start", said[-1] if said else "", "silent")
            time.sleep(_LOOK_S)

    def _prune(self, entries: tuple[Entry, ...]) -> None:
        """Forget what was lent to anybody who is not known by that address now.

        It is written in place, as dnsmasq itself does: that takes no room on a full disk.
        """
        mine = {(mac, one.ip) for one in entries for mac in one.macs}
        with suppress(FileNotFoundError), open(f"{self._folder}/leases", "r+") as file:
            lines = [line.split() for line in file]
            kept = [words for words in lines if len(words) > 2 and (words[1], words[2]) in mine]
            if kept != lines:
                file.seek(0)
                file.writelines(f"{' '.join(words)}\n" for words in kept)
                file.truncate()


def _put(path: str, content: bytes) -> None:
    """Write a file unless it says so already: then it can be started from a full disk, too."""
    with suppress(OSError), open(path, "rb") as file:
        if file.read() == content:
            return
    put(path, content)


def _listens(pid: int) -> bool:
    """Return whether somebody in the network of a process listens for DHCP."""
    try:
        with open(f"/proc/{pid}/net/udp") as file:
            return any(line.split()[1] == _DHCP for line in file)
    except (OSError, IndexError):
        return False
