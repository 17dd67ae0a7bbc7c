"""Known managers and how to reach them, in a file only its owner can read."""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from anypool.errors import Invalid, NotFound


class Context(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One manager; `fingerprint` is the SHA-256 of its own certificate, in hex, or empty.

    `key` is that of the public key in it, which stays when the certificate is renewed.
    """

    url: str
    token: str = ""
    user: str = ""
    fingerprint: str = ""
    key: str = ""


class Contexts(Struct, frozen=True, kw_only=True):
    """All known managers by name, and the one that is used when none is named."""

    current: str = ""
    contexts: dict[str, Context] = {}

    def get(self, name: str) -> Context:
        """Return a context by name; raise `NotFound`."""
        if (found := self.contexts.get(name)) is None:
            raise NotFound(f"there is no context {name}", hint="`anypool context list` shows them")
        return found

    def with_context(self, name: str, context: Context) -> "Contexts":
        """Return contexts in which one is new or replaced, and current."""
        return Contexts(current=name, contexts={**self.contexts, name: context})

    def without(self, name: str) -> "Contexts":
        """Return contexts without one; raise `NotFound`."""
        self.get(name)
        left = {key: value for key, value in self.contexts.items() if key != name}
        return Contexts(current="" if self.current == name else self.current, contexts=left)


def forget(file: Path, name: str, url: str, current: str) -> None:
    """Remove a context if it still leads to `url`; the file and its folder too if that was all."""
    known = load(file)
    if name not in known.contexts or known.contexts[name].url != url:
        return
    left = known.without(name)
    if known.current == name and current in left.contexts:
        left = replace(left, current=current)
    if left.contexts:
        save(file, left)
        return
    file.unlink(missing_ok=True)
    with suppress(OSError):
        file.parent.rmdir()


def path(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file: $ANYPOOL_CONFIG, or contexts.json in the user's configuration folder."""
    if given := environment.get("ANYPOOL_CONFIG"):
        return Path(given)
    home = environment.get("XDG_CONFIG_HOME") or f"{environment.get('HOME', '.')}/.config"
    return Path(home) / "anypool" / "contexts.json"


def load(file: Path) -> Contexts:
    """Return what the file holds, nothing if there is none.

    Raises `Invalid` for a file that others can read, or that is no such file.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise Invalid(f"{file} holds tokens and others can read it", hint=f"chmod 600 {file}")
        return msgspec.json.decode(file.read_bytes(), type=Contexts)
    except FileNotFoundError:
        return Contexts()
    except (OSError, msgspec.DecodeError) as error:
        raise Invalid(f"{file} cannot be read: {error}", hint="correct or remove it") from error


def save(file: Path, contexts: Contexts) -> None:
    """Replace the file at once; only its owner can read it."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, arriving = tempfile.mkstemp(dir=file.parent, prefix=".contexts-")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(msgspec.json.format(msgspec.json.encode(contexts)))
        os.replace(arriving, file)
    except BaseException:
        Path(arriving).unlink(missing_ok=True)
        raise
