"""Run a program that sees a folder as a small disk, or as one that cannot be written.

`python -m tests.service.mounted tmpfs|read-only FOLDER SIZE PROGRAM ...`, in a mount
namespace of its own.
"""

import os
import sys

from anypool.lab.kernel import MS_BIND, make_mounts_private, mount

MS_RDONLY, MS_REMOUNT = 1, 32


def before(kind: str, folder: str, size: str = "0") -> list[str]:
    """Return the start of a command line."""
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-r", "--mount"]
    return [*own, sys.executable, "-m", "tests.service.mounted", kind, folder, size]


def main(kind: str, folder: str, size: str, *program: str) -> None:
    make_mounts_private()
    if kind == "tmpfs":
        mount("none", folder, "tmpfs", options=f"size={size},mode=700")
    else:
        mount(folder, folder, flags=MS_BIND)
        mount("none", folder, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main(*sys.argv[1:])
