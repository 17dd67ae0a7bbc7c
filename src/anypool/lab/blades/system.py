"""The lab's own system for blades: what one starts from the network, made of Debian's packages.

A kernel with the module of the blade's watchdog, busybox, Python, and the warden as it is put on
hosts. Built once per recipe in the cache; nothing is installed on the machine.
"""

import hashlib
import importlib.util
import marshal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from anypool.lab import debian_package, initramfs
from anypool.lab.blades import starting
from anypool.lab.blades.starting import BladeSystem
from anypool.program import packed

DOWNLOAD_MB = 80
CMDLINE = "console=ttyS0 quiet panic=5 no_timer_check cryptomgr.notests"
"""An emulated processor that waits for its turn passes no check of its timer in time."""
MEMORY_MIB = 256
"""What a blade needs at least to start it."""

_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
    "failover", "net_failover", "virtio_net", "virtio_blk", "evdev", "button", "watchdog",
    "i6300esb",
)  # fmt: skip
_UNUSED = (
    "test/", "idlelib/", "lib2to3/", "distutils/", "ensurepip/", "unittest/", "asyncio/",
    "tkinter/", "pydoc_data/", "lib-dynload/_sqlite3", "lib-dynload/_codecs", "sqlite3/",
    "multiprocessing/", "xmlrpc/", "curses/", "dbm/", "wsgiref/", "email/", "http/", "venv/",
)  # fmt: skip
_LIBRARIES = ("ld-linux-x86-64.so", "libc.so", "libm.so", "libz.so", "libexpat.so")


def ensure(cache: Path, report: Callable[[str], None]) -> BladeSystem:
    """Return the system in the cache, built first if it is not there.

    Raises `Unreachable` or `NotSupported` when its packages cannot be had.
    """
    begin = partial(report, f"building the blades' system (downloads {DOWNLOAD_MB} MB, once)")
    return starting.kept(cache, "blade-system", _recipe(), _build, begin)


def _build(workspace: Path) -> Path:
    files = _scripts() | _python(workspace) | {"bin/anypool-warden": packed("anypool.warden")}
    return starting.packed(workspace, _MODULES, files)


def _python(workspace: Path) -> dict[str, bytes]:
    """Return the distribution's Python with the libraries it is linked with."""
    minimal = debian_package.needed_by("python3-minimal", "python3.")
    version = minimal.removesuffix("-minimal")
    packages = (minimal, f"lib{minimal}", f"lib{version}-stdlib", "libc6", "libexpat1", "zlib1g")
    found = debian_package.files_of(packages, workspace, _is_wanted)
    program = found.pop(f"usr/bin/{version}")
    if f"python{sys.version_info[0]}.{sys.version_info[1]}" == version:
        found = dict(map(_compiled, found.items()))
    return found | {"usr/bin/python3": program}


def _compiled(entry: tuple[str, bytes]) -> tuple[str, bytes]:
    """Compile a module for the same Python: an emulated processor takes long for that."""
    path, content = entry
    if not path.endswith(".py"):
        return entry
    code = compile(content, f"/{path}", "exec", dont_inherit=True, optimize=0)
    head = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little") + bytes(8)
    return f"{path}c", head + marshal.dumps(code)


def _is_wanted(path: str) -> bool:
    if path.startswith("usr/lib/python3"):
        return not any(f"/{part}" in path for part in _UNUSED)
    if path.startswith("usr/bin/python3"):
        return True
    return "/lib" in f"/{path}" and Path(path).name.startswith(_LIBRARIES)


def _scripts() -> dict[str, bytes]:
    here = Path(__file__).parent
    return {
        "init": (here / "system_init.sh").read_bytes(),
        "bin/lease": (here / "system_lease.sh").read_bytes(),
    }


def _recipe() -> str:
    digest = hashlib.sha256(packed("anypool.warden"))
    for path, text in _scripts().items():
        digest.update(path.encode() + text)
    for file in (Path(__file__), Path(starting.__file__), Path(initramfs.__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
