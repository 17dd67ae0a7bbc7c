"""The few Linux system calls the lab needs and Python 3.11 does not offer."""

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Move this process (a new PID namespace: its next child) into new namespaces.

    Raises `OSError` when the kernel refuses.
    """
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", *, flags: int = 0, options: str = "") -> None:
    """Call mount(2); raises `OSError` naming the target when the kernel refuses."""
    code = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(code, target)


def bind(source: str, target: str) -> None:
    """Show the file or folder `source` at `target` too, with whatever is mounted below it."""
    mount(source, target, flags=MS_BIND | MS_REC)


def make_mounts_private() -> None:
    """Let no mount made here be seen elsewhere."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def _check(code: int, what: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
