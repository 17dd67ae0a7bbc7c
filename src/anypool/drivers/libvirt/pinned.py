"""SSH to a host that is taken for nobody but who shows the host key that is kept with it.

Key, host key and the command that libvirt runs are files in a folder that nobody else may read,
for as long as this process lives. No configuration and no keys of the user are asked.
"""

import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path

from anypool.drivers.libvirt.address import Address
from anypool.errors import Invalid

CALLED = "anypool-host"
"""What the host is called in the file of known hosts, whatever its address is."""
CONNECT_S = 10
_PREFIX = "anypool-ssh-"


class Pinned:
    """What one host is spoken to by; `command` stands for ssh."""

    def __init__(self, host_key: str, private_key: str) -> None:
        _sweep(Path(tempfile.gettempdir()))
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        weakref.finalize(self, _end, folder, lock)
        known = _kept(folder / "known_hosts", f"{CALLED} {host_key}\n")
        key = _kept(folder / "key", private_key.rstrip("\n") + "\n")
        options = (
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            f"HostKeyAlias={CALLED}",
            f"UserKnownHostsFile={known}",
            "GlobalKnownHostsFile=/dev/null",
            "UpdateHostKeys=no",
            "IdentitiesOnly=yes",
            f"IdentityFile={key}",
            f"ConnectTimeout={CONNECT_S}",
            "ServerAliveInterval=5",
        )
        words = " ".join(f"-o {option}" for option in options)
        script = f'#!/bin/sh\nexec ssh -F none {words} "$@"\n'
        self.command = str(_kept(folder / "ssh", script, 0o700))


def pinned(address: Address, host_key: str, private_key: str) -> Pinned | None:
    """Return how a host with a pinned key is spoken to, None where none is; raise `Invalid`."""
    if not host_key:
        return None
    if address.transport != "ssh":
        raise Invalid("a host key is shown by SSH only", hint="qemu+ssh://root@HOST/system")
    if not private_key:
        raise Invalid("a host with a pinned key has a key of ours", hint="give the private key")
    return Pinned(host_key, private_key)


def _kept(file: Path, text: str, mode: int = 0o600) -> Path:
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as writing:
        writing.write(text)
    return file


def _end(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def _sweep(place: Path) -> None:
    """Remove what processes left that were killed: nobody holds the lock of those folders."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue
        finally:
            os.close(lock)
