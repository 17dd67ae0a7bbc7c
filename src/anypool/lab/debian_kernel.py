"""A guest kernel out of the distribution's packages: downloaded and read, never installed."""

import lzma
import re
import subprocess
import tarfile
from pathlib import Path

import msgspec

from anypool.errors import NotSupported, Unreachable
from anypool.lab.commands import run

KERNEL_MB = 30
_METAPACKAGES = ("linux-image-cloud-amd64", "linux-image-virtual")
_MODULES = (
    "virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
    "failover", "net_failover", "virtio_net", "virtio_blk", "virtio_balloon", "evdev", "button",
)  # fmt: skip
_DOWNLOAD_TIMEOUT_S = 300.0


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
    packages = _kernel_packages()
    answer = run(
        ["apt-get", "-o", "APT::Sandbox::User=", "-q", "download", *packages],
        timeout_s=_DOWNLOAD_TIMEOUT_S,
        cwd=workspace,
    )
    archives = sorted(workspace.glob("*.deb"))
    if answer.code != 0 or len(archives) != len(packages):
        raise Unreachable(
            f"apt could not download {', '.join(packages)}: {answer.last_line()}",
            hint="is a mirror reachable, and was `apt-get update` run?",
        )
    members: dict[str, bytes] = {}
    for archive in archives:
        members |= _read_members(archive)
        archive.unlink()
    return _sort_out(members)


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


def _read_members(archive: Path) -> dict[str, bytes]:
    wanted: dict[str, bytes] = {}
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE
    ) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            for member in tar:
                name = Path(member.name).name
                if name.startswith("vmlinuz-") or name.partition(".ko")[0] in _MODULES:
                    content = tar.extractfile(member) if member.isfile() else None
                    if content is not None:
                        wanted[name] = content.read()
    return wanted


def _sort_out(members: dict[str, bytes]) -> Kernel:
    images = [name for name in members if name.startswith("vmlinuz-")]
    if not images:
        raise NotSupported("the kernel package holds no kernel", hint="report this as a bug")
    modules = {
        name.partition(".ko")[0]: _decompressed(name, content)
        for name, content in sorted(members.items())
        if ".ko" in name
    }
    ordered = {f"{name}.ko": modules[name] for name in loading_order(modules)}
    return Kernel(
        version=images[0].removeprefix("vmlinuz-"), image=members[images[0]], modules=ordered
    )


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
