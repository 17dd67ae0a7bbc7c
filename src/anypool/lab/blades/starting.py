"""What a blade starts from the network: kernel and initial file system, kept in the cache."""

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from anypool.lab import debian_kernel, debian_package, initramfs
from anypool.lab.image import busybox
from anypool.lab.locks import locked


class BladeSystem(msgspec.Struct, frozen=True, kw_only=True):
    """Kernel and initial file system, as paths."""

    kernel: Path
    initrd: Path


def kept(
    cache: Path, name: str, recipe: str, build: Callable[[Path], Path], begin: Callable[[], None]
) -> BladeSystem:
    """Return the system of this name and recipe in the cache, built first if it is not there.

    `build` is given a folder to work in and returns one in it; `begin` is called before.
    """
    folder = cache / f"{name}-{recipe}"
    with locked(cache / f"{name}.lock"):
        if not folder.exists():
            begin()
            with tempfile.TemporaryDirectory(dir=cache, prefix="building-") as workspace:
                build(Path(workspace)).rename(folder)
    return BladeSystem(kernel=folder / "vmlinuz", initrd=folder / "initrd.gz")


def packed(workspace: Path, modules: tuple[str, ...], files: dict[str, bytes]) -> Path:
    """Return a folder with the distribution's kernel, and busybox and files to begin with."""
    package = debian_package.needed_by("linux-image-amd64", "linux-image-")
    kernel = debian_kernel.unpacked((package,), workspace, modules)
    content = workspace / "system"
    content.mkdir()
    (content / "vmlinuz").write_bytes(kernel.image)
    archive = initramfs.build(busybox(), files, kernel.modules)
    (content / "initrd.gz").write_bytes(gzip.compress(archive, 6))
    return content
