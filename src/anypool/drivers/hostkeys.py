"""Host keys of SSH: what a server shows, whether it is known here, and keeping a confirmed one.

Asked by OpenSSH's own programs, which `qemu+ssh` comes by as well, so that both agree on what
is known. Nothing is sent but the greeting.
"""

import base64
import binascii
import hashlib
import subprocess
from pathlib import Path

from msgspec import Struct

from anypool.errors import Conflict, Unreachable

PORT = 22
_PATIENCE_S = 4
_DEADLINE_S = 10.0
_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")
_PUBLIC = ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub")


class HostKey(Struct, frozen=True, kw_only=True):
    """A host key as a line of `known_hosts`; `known` says that it is kept already.

    `changed` says that another one is kept, as if somebody were in between.
    """

    line: str
    fingerprint: str
    known: bool = False
    changed: bool = False


def place_of(host: str, port: int) -> str:
    """Return how `known_hosts` calls a place."""
    return host if port == PORT else f"[{host}]:{port}"


def shown(host: str, port: int = PORT) -> HostKey | None:
    """Return the host key that a server shows, None where no SSH answers."""
    scan = ["ssh-keyscan", "-T", str(_PATIENCE_S), "-t", "ed25519,ecdsa,rsa", "-p", str(port)]
    found = best(_said([*scan, "--", host]), host, port)
    if found is None:
        return None
    kept = keys_in(_said(["ssh-keygen", "-F", place_of(host, port)]))
    mine = found.line.split()
    same_kind = {key for kind, key in kept if kind == mine[1]}
    return HostKey(
        line=found.line,
        fingerprint=found.fingerprint,
        known=mine[2] in same_kind,
        changed=bool(same_kind) and mine[2] not in same_kind,
    )


def best(scanned: str, host: str, port: int) -> HostKey | None:
    """Return the key that OpenSSH prefers of what a scan printed, None for none."""
    keys = dict(keys_in(scanned))
    for kind in _KINDS:
        if kind in keys:
            line = f"{place_of(host, port)} {kind} {keys[kind]}"
            return HostKey(line=line, fingerprint=fingerprint(keys[kind]))
    return None


def keys_in(text: str) -> list[tuple[str, str]]:
    """Return kind and key of each good line of the form of `known_hosts`."""
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return [(line[1], line[2]) for line in lines if len(line) >= 3 and fingerprint(line[2])]


def fingerprint(key: str) -> str:
    """Return `SHA256:...` as OpenSSH prints it, "" for what is no key."""
    try:
        blob = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def trust(host: str, port: int, confirmed: str, folder: Path | None = None) -> None:
    """Keep the host key that somebody confirmed; the server must show that very one now.

    Raises `Unreachable`, or `Conflict` where it shows another one or another is kept.
    """
    found = shown(host, port)
    if found is None:
        raise Unreachable(f"{host}:{port} shows no host key", hint="does SSH answer there?")
    if found.fingerprint != confirmed.strip():
        hint = "compare again: if it was not exchanged, somebody is in between"
        raise Conflict(f"{host}:{port} shows another host key: {found.fingerprint}", hint=hint)
    if found.changed:
        hint = f"if that is right: ssh-keygen -R {place_of(host, port)}, then confirm again"
        raise Conflict(f"another host key of {host}:{port} is kept here", hint=hint)
    if not found.known:
        _keep(found.line, folder or Path.home() / ".ssh")


def public_key(folder: Path | None = None) -> str:
    """Return the public key by which this manager logs in, "" if it has none."""
    for name in _PUBLIC:
        try:
            lines = ((folder or Path.home() / ".ssh") / name).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            continue
        if lines:
            return lines[0].strip()
    return ""


def _keep(line: str, folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "known_hosts"
    before = file.read_text("utf-8") if file.exists() else ""
    apart = "" if not before or before.endswith("\n") else "\n"
    with file.open("a", encoding="utf-8") as kept:
        kept.write(f"{apart}{line}\n")


def _said(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_DEADLINE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
