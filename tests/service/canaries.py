"""Secrets that are planted wherever one can enter, and the search for them afterwards."""

import base64
import io
import os
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import httpx

CONTROL = "control-canary-7Gq2"
"""No secret: planted where secrets must not be, so that a blind search is noticed."""


class Planted(NamedTuple):
    """A secret, and the beginnings of the names of places that it may be in."""

    value: str
    allowed: tuple[str, ...] = ()


def planted(what: str, *allowed: str) -> Planted:
    return Planted(f"canary-{what}-{os.urandom(9).hex()}", allowed)


class Harvest:
    """Everything that came out of a manager, by the name of its place."""

    def __init__(self) -> None:
        self.places: dict[str, bytes] = {}
        self.secrets: dict[str, Planted] = {}

    def plant(self, what: str, *allowed: str) -> str:
        """Make a secret up; return it."""
        self.secrets[what] = planted(what, *allowed)
        return self.secrets[what].value

    def know(self, what: str, value: str, *allowed: str) -> str:
        """Take note of a secret that the manager made."""
        assert len(value) >= 16, f"{what} is no secret"
        self.secrets[what] = Planted(value, allowed)
        return value

    def keep(self, place: str, content: bytes | str) -> None:
        """Take what came out at a place."""
        found = content.encode() if isinstance(content, str) else content
        self.places[place] = self.places.get(place, b"") + found + b"\n"

    def hear(self, answer: httpx.Response) -> None:
        """Take an answer: its head and its body."""
        answer.read()
        path = answer.request.url.path.removeprefix("/api/v1")
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
        self.keep(f"reply {answer.request.method} {path}", head.encode() + answer.content)

    def take_bundle(self, name: str, packed: bytes) -> None:
        """Take each file of a bundle."""
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            for member in tar.getmembers():
                content = tar.extractfile(member)
                assert content is not None
                self.keep(f"bundle {name} {member.name}", content.read())

    def take_backup(self, file: Path) -> None:
        """Take each member of a backup, unpacked."""
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                self.keep(f"backup {name}", archive.read(name))

    def take_folder(self, name: str, folder: Path) -> None:
        """Take each file below a folder."""
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.keep(f"{name} {file.relative_to(folder)}", file.read_bytes())

    def take_processes(self, parent: int) -> None:
        """Take the command lines of all processes, and what surrounds a process's children."""
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                pid, above = int(entry.name), _parent(entry)
                if pid != os.getpid():
                    self.keep("process list", (entry / "cmdline").read_bytes())
                if parent in (pid, above):
                    self.keep("environment of processes", (entry / "environ").read_bytes())
            except OSError:
                continue

    def leaks(self) -> list[str]:
        """Return which secret is found where it must not be."""
        return [
            f"{what}: {place}"
            for what, secret in self.secrets.items()
            for place in self.found(secret.value)
            if not place.startswith(secret.allowed or "\0")
        ]

    def found(self, value: str) -> list[str]:
        """Return the places that a text is found in, as it is or in another writing."""
        forms = writings(value)
        return [
            place
            for place, content in self.places.items()
            if any(form in content for form in forms)
        ]


def writings(value: str) -> set[bytes]:
    """Return a text as it is, in hex, and in base64 at each alignment."""
    raw = value.encode()
    inner = (base64.b64encode(b"\0" * shift + raw)[4:-4] for shift in range(3))
    return {raw, raw.hex().encode(), *inner}


def places_with(places: Iterable[str], beginning: str) -> list[str]:
    return [place for place in places if place.startswith(beginning)]


def _parent(entry: Path) -> int:
    return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
