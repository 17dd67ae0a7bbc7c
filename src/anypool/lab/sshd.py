"""The distribution's SSH daemon for servers of the lab: unpacked in the cache, never installed.

To install it would let people in at the machine itself from its next start on.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from anypool.lab import debian_package
from anypool.lab.locks import locked

_PACKAGES = ("openssh-server", "libwrap0")
_SESSION = "sshd-session"
GUESTS = "/run/anypool/guests"
"""Where the manager writes who may bring a VM, for a while; as in an image of a hypervisor."""
USER = "sshd:x:64054:65534::/run/sshd:/usr/sbin/nologin"
"""Whom it is while somebody is not logged in yet; its package would make that one."""


def ensure(cache: Path, report: Callable[[str], None]) -> Path:
    """Return the folder with it in the cache, filled first if it is not there.

    Raises `Unreachable` when its packages cannot be had.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "sshd.lock"):
        if not folder(cache).exists():
            report("fetching the SSH daemon of servers that boot from the network (1 MB, once)")
            with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as workspace:
                made = Path(workspace) / "made"
                made.mkdir()
                found = debian_package.files_of(_PACKAGES, Path(workspace), _is_wanted)
                for path, content in found.items():
                    file = made / Path(path).name
                    file.write_bytes(content)
                    file.chmod(0o755)
                made.rename(folder(cache))
    return folder(cache)


def folder(cache: Path) -> Path:
    """Return where it is once it was fetched."""
    return cache / "sshd-1"


def start(place: Path, host_key: Path, authorized_keys: Path) -> int:
    """Start it on the port of SSH, for root by these keys only; return its process."""
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    options = {
        "HostKey": str(host_key),
        "AuthorizedKeysFile": f"{authorized_keys} {GUESTS}",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UseDNS": "no",
        "PidFile": "none",
    }
    if (place / _SESSION).exists():  # since OpenSSH 9.8
        options["SshdSessionPath"] = str(place / _SESSION)
    words = [str(place / "sshd"), "-D", "-e", "-f", "/dev/null"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    environment = os.environ | {"LD_LIBRARY_PATH": str(place)}
    return os.posix_spawn(words[0], words, environment, setsid=True)


def _is_wanted(path: str) -> bool:
    name = Path(path).name
    return (name in ("sshd", _SESSION) and "bin" in path) or name.startswith("libwrap.so")
