"""Tries, in new namespaces that end with it, everything a lab will ask of the kernel.

Run as `python -m anypool.lab.trial`; says what was refused on standard output, and nothing
when nothing was.
"""

import os
import shutil
import sys

from anypool.lab import kernel
from anypool.lab.commands import run, search_path

_LINKS = (
    "link set lo up",
    "link add trial0 type bridge",
    "link add trial1 type veth peer name trial2",
    "link set trial1 master trial0 up",
    "tuntap add trial3 mode tap",
)


def main() -> None:
    """Try everything; exit status 1 when something was refused."""
    os.environ["PATH"] = search_path()
    if shutil.which("ip", path=search_path()):
        done = run(["ip", "-batch", "-"], timeout_s=4, text="\n".join((*_LINKS, "")))
        if done.code != 0:
            _refused("network links", done.err.strip())
    try:
        kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS)
        kernel.make_mounts_private()
        kernel.mount("sysfs", "/sys", "sysfs")
        kernel.mount("tmpfs", "/run", "tmpfs", options="mode=755")
    except OSError as problem:
        _refused("namespaces inside namespaces", str(problem))


def _refused(what: str, reason: str) -> None:
    print(f"{what}: {reason}")
    sys.exit(1)


if __name__ == "__main__":
    main()
