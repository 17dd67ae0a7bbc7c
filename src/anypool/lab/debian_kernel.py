"""A guest kernel out of the distribution's packages: downloaded and read, never installed."""

import lzma
import re
import subprocess
from pathlib import Path

import msgspec

from anypool.errors import NotSupported
from anypool.lab import debian_package
from anypool.lab.commands import run

KERNEL_MB = 30
_METAPACKAGES = ("linux-image-cloud-amd64", "linux-image-virtual")
_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
    "failover", "net_failover", "virtio_net", "virtio_blk", "virtio_balloon",
    "virtio_console", "evdev", "button",
)  # fmt: skip


class Kernel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A kernel image and the modules a lab guest loads, in loading order, by file name.

    A module that the kernel has built in is not among them.
    """

    version: str
    image: bytes
    modules: dict[str, bytes]


def fetch(workspace: Path) -> Kernel:
    """Download the newest cloud kernel into `workspace` and read what a guest needs of it.

    Raises `NotSupported` when this distribution has none, `Unreachable` when no mirror answers.
    """
    return unpacked(_kernel_packages(), workspace, _MODULES)


def unpacked(packages: tuple[str, ...], workspace: Path, modules: tuple[str, ...]) -> Kernel:
    """Download these packages and return the kernel in them, with these modules."""

    def is_wanted(path: str) -> bool:
        name = Path(path).name
        return name.startswith("vmlinuz-") or _name(name) in modules

    found = debian_package.files_of(packages, workspace, is_wanted)
    return _sort_out({Path(path).name: content for path, content in found.items()})


def _kernel_packages() -> tuple[str, ...]:
    for metapackage in _METAPACKAGES:
        answer = run(["apt-cache", "depends", metapackage], timeout_s=30)
        names = [line.split()[-1] for line in answer.out.splitlines() if "Depends:" in line]
        images = [name for name in names if name.startswith("linux-image-")]
        if images and "virtual" in metapackage:
            return (images[0], images[0].replace("linux-image-", "linux-modules-", 1))
        if images:
            return (images[0],)
    raise NotSupported(
        f"apt knows none of {', '.join(_METAPACKAGES)}",
        hint="run `apt-get update`; the guest's kernel comes from the distribution",
    )


def _sort_out(members: dict[str, bytes]) -> Kernel:
    images = [name for name in members if name.startswith("vmlinuz-")]
    if not images:
        raise NotSupported("the kernel package holds no kernel", hint="report this as a bug")
    modules = {
        _name(name): _decompressed(name, content)
        for name, content in sorted(members.items())
        if ".ko" in name
    }
    ordered = {f"{name}.ko": modules[name] for name in loading_order(modules)}
    return Kernel(
        version=images[0].removeprefix("vmlinuz-"), image=members[images[0]], modules=ordered
    )


def _name(file: str) -> str:
    """Return a module's name; its file may have hyphens where others name it with underscores."""
    return file.partition(".ko")[0].replace("-", "_")


def loading_order(modules: dict[str, bytes]) -> list[str]:
    """The names of `modules` (name to ELF file), each after those it depends on."""
    ordered: list[str] = []

    def add(name: str) -> None:
        if name in modules and name not in ordered:
            for needed in _dependencies(modules[name]):
                add(needed)
            ordered.append(name)

    for name in modules:
        add(name)
    return ordered


def _dependencies(module: bytes) -> list[str]:
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return found[1].decode().replace("-", "_").split(",") if found else []


def _decompressed(name: str, content: bytes) -> bytes:
    if name.endswith(".xz"):
        return lzma.decompress(content)
    if name.endswith(".zst"):
        answer = subprocess.run(
            ["zstd", "-dcq"], input=content, capture_output=True, timeout=30, check=True
        )
        return answer.stdout
    return content
