"""The lab's own system on a disk: a kernel that logs in to an iSCSI target and goes on from it.

The root file system is a disk of its own, in as many variants as somebody wants: what stands in
`/image` is what it says it is. Built in the cache, of Debian's packages; nothing is installed.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from anypool.errors import AnypoolError, NotSupported
from anypool.lab import debian_package, initramfs
from anypool.lab.blades import starting
from anypool.lab.blades.starting import BladeSystem
from anypool.lab.commands import run, search_path
from anypool.lab.image import busybox

CMDLINE = (
    "console=ttyS0 quiet panic=5 no_timer_check cryptomgr.notests "
    "initiator={initiator} target={target} portal={address} port={port} "
    "user={user} password={password}"
)
"""What a boot service fills in: who logs in to which target where."""
DOWNLOAD_MB = 75
SIZE_MIB = 16
_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
    "failover", "net_failover", "virtio_net", "scsi_common", "scsi_mod", "crct10dif_common",
    "crc_t10dif", "crct10dif_generic", "crc64", "crc64_rocksoft", "crc64_rocksoft_generic",
    "t10_pi", "sd_mod", "crc32c_generic", "libcrc32c", "scsi_transport_iscsi", "libiscsi",
    "libiscsi_tcp", "iscsi_tcp", "crc16", "mbcache", "jbd2", "ext4",
)  # fmt: skip
_PACKAGES = (
    "open-iscsi",
    "libopeniscsiusr",
    "libssl3",
    "libkmod2",
    "libzstd1",
    "liblzma5",
    "libc6",
)
_LIBRARIES = (
    "ld-linux-x86-64.so", "libc.so", "libcrypto.so", "libkmod.so", "libopeniscsiusr.so",
    "libzstd.so", "liblzma.so",
)  # fmt: skip
_APPLETS = ("sh", "mount", "mkdir", "sync", "setsid", "echo", "cat", "ip", "reboot", "poweroff")
_SCRIPTS = {"init": "disk_init.sh", "bin/named": "disk_named.sh"}


def ensure(cache: Path, report: Callable[[str], None]) -> BladeSystem:
    """Return kernel and initial file system in the cache, built first if they are not there.

    Raises `Unreachable` or `NotSupported` when their packages cannot be had.
    """
    words = f"building the system that starts from a disk (downloads {DOWNLOAD_MB} MB, once)"
    return starting.kept(cache, "disk-system", _recipe(), _build, partial(report, words))


def disk(file: Path, image: str) -> None:
    """Write a disk with the root file system; `image` is what it says it is."""
    program = shutil.which("mke2fs", path=search_path())
    if program is None:
        raise NotSupported("there is no mke2fs", hint="apt-get install e2fsprogs")
    with tempfile.TemporaryDirectory(prefix="root-") as folder:
        root = Path(folder)
        for name in ("bin", "sbin", "dev", "proc", "sys", "run", "root", "tmp"):
            (root / name).mkdir()
        (root / "bin/busybox").write_bytes(busybox())
        (root / "bin/busybox").chmod(0o755)
        for applet in _APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        (root / "sbin/init").write_bytes((Path(__file__).parent / "disk_root.sh").read_bytes())
        (root / "sbin/init").chmod(0o755)
        (root / "starts").write_text("0\n")
        (root / "image").write_text(f"{image}\n")
        words = ["-q", "-F", "-t", "ext4", "-d", str(root), str(file), f"{SIZE_MIB}M"]
        answer = run([program, *words], timeout_s=60)
    if answer.code:
        raise AnypoolError(f"mke2fs: {answer.last_line()}")


def _build(workspace: Path) -> Path:
    found = debian_package.files_of(_PACKAGES, workspace, _is_wanted)
    here = Path(__file__).parent
    files = {path: (here / name).read_bytes() for path, name in _SCRIPTS.items()}
    files["bin/iscsistart"] = next(
        content for path, content in found.items() if path.endswith("/iscsistart")
    )
    files |= {path: one for path, one in found.items() if ".so" in path}
    return starting.packed(workspace, _MODULES, files)


def _is_wanted(path: str) -> bool:
    name = Path(path).name
    return name == "iscsistart" or ("/lib" in f"/{path}" and name.startswith(_LIBRARIES))


def _recipe() -> str:
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for name in _SCRIPTS.values():
        digest.update((here / name).read_bytes())
    for file in (Path(__file__), Path(starting.__file__), Path(initramfs.__file__)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
