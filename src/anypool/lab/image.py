"""The guest image: built once per kernel and recipe in the cache, copied into every lab."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from anypool.errors import AnypoolError, NotSupported
from anypool.lab import bare_kernel, debian_kernel, initramfs
from anypool.lab.commands import run, search_path
from anypool.lab.locks import locked
from anypool.lab.records import GuestImage

MEMORY_MIB = 128
# A kernel that is emulated on a busy machine takes its own lateness for a broken timer, and
# panics; its ciphers are not what is tested here.
_CMDLINE = "console=ttyS0 quiet memhp_default_state=online no_timer_check cryptomgr.notests"
_KERNEL = "lab-guest.kernel"
_DISK = "lab-guest.qcow2"
_DISK_SIZE = "64M"


def cached(cache_dir: Path) -> GuestImage | None:
    """The newest image in the cache that was built by today's recipe, if there is one."""
    found = sorted(_folder(cache_dir).glob(f"*+{_recipe()}"), key=lambda f: f.stat().st_mtime)
    return _describe(found[-1]) if found else None


def ensure(cache_dir: Path, report: Callable[[str], None]) -> GuestImage:
    """The cached image, built first when there is none; safe to call from many processes.

    Raises `Unreachable` or `NotSupported` when the kernel cannot be had.
    """
    folder = _folder(cache_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        image = cached(cache_dir)
        if image is not None:
            return image
        report(f"building the guest image (downloads a {debian_kernel.KERNEL_MB} MB kernel, once)")
        with tempfile.TemporaryDirectory(dir=folder, prefix="building-") as workspace:
            return _build(folder, Path(workspace))


def install(image: GuestImage, datastore: Path) -> GuestImage:
    """Copy the image into a lab's shared datastore, unless it is there; say where it is then."""
    for source in (image.kernel, image.initrd, image.disk):
        target = datastore / Path(source).name
        if not target.exists():
            arriving = target.with_name(f".{target.name}.arriving")
            shutil.copyfile(source, arriving)
            arriving.rename(target)
    return _describe(datastore, image.kernel_version)


def _build(folder: Path, workspace: Path) -> GuestImage:
    kernel = debian_kernel.fetch(workspace)
    content = workspace / "image"
    content.mkdir()
    (content / _KERNEL).write_bytes(bare_kernel.bare(kernel.image))
    scripts = initramfs.guest_scripts()
    archive = initramfs.build(busybox(), scripts, kernel.modules)
    (content / "lab-guest.initrd").write_bytes(archive)
    disk = content / _DISK
    answer = run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), _DISK_SIZE], timeout_s=30)
    if answer.code != 0:
        raise AnypoolError(f"the guest's disk could not be made: {answer.last_line()}")
    final = folder / f"{kernel.version}+{_recipe()}"
    content.rename(final)
    return _describe(final)


def busybox() -> bytes:
    """Return the machine's busybox; raise `NotSupported` if it needs libraries."""
    found = shutil.which("busybox", path=search_path())
    content = Path(found).read_bytes() if found else b""
    if b"ld-linux" in content[:4096] or not content:
        raise NotSupported(
            "there is no statically linked busybox", hint="install the package busybox-static"
        )
    return content


def _recipe() -> str:
    digest = hashlib.sha256()
    for path, text in initramfs.guest_scripts().items():
        digest.update(path.encode() + text)
    for module in (initramfs, bare_kernel):
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:12]


def _folder(cache_dir: Path) -> Path:
    return cache_dir / "guest"


def _describe(folder: Path, version: str = "") -> GuestImage:
    return GuestImage(
        kernel=str(folder / _KERNEL),
        initrd=str(folder / "lab-guest.initrd"),
        disk=str(folder / _DISK),
        cmdline=_CMDLINE,
        memory_mib=MEMORY_MIB,
        kernel_version=version or folder.name.rpartition("+")[0],
    )
