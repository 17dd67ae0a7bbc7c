"""Making blades: their disks and settings, and the iPXE their firmware starts."""

import importlib.util
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from anypool.errors import AnypoolError, NotSupported
from anypool.lab import debian_package
from anypool.lab.blades import hardware
from anypool.lab.blades.board import Board
from anypool.lab.commands import run
from anypool.lab.locks import locked
from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.spec import Server

_LOADER = "ipxe.lkrn"
_IN_PACKAGE = f"boot/{_LOADER}"
_ROM = Path("/usr/lib/ipxe/qemu/pxe-virtio.rom")


def refuse_unless_possible() -> None:
    """Raise `NotSupported` where blades would lack firmware or controllers."""
    if importlib.util.find_spec("pyghmi") is None:
        raise NotSupported("blades need an IPMI service", hint="pip install pyghmi")
    if not _ROM.exists():
        raise NotSupported(
            "blades need the firmware of network cards", hint="apt-get install ipxe-qemu"
        )


def ensure_loader(cache: Path, report: Callable[[str], None]) -> Path:
    """Return iPXE in the cache, out of the distribution's package; downloaded once."""
    loader = cache / _LOADER
    with locked(cache / "ipxe.lock"):
        if loader.exists():
            return loader
        report("downloading iPXE (1 MB, once)")
        with tempfile.TemporaryDirectory(dir=cache, prefix="ipxe-") as workspace:
            found = debian_package.files_of(("ipxe",), Path(workspace), _IN_PACKAGE.__eq__)
        if _IN_PACKAGE not in found:
            raise NotSupported(f"the package ipxe holds no {_LOADER}", hint="report this as a bug")
        arriving = loader.with_suffix(".arriving")
        arriving.write_bytes(found[_IN_PACKAGE])
        arriving.rename(loader)
    return loader


def write(kept: KeptLab, places: LabPlaces, server: Server, cache: Path) -> None:
    """Make one blade with an empty disk; one that is there already stays as it was.

    A server that is no blade has one for the network alone, which it tries first.
    """
    board = Board(places.server(server.name))
    board.folder.mkdir(parents=True, exist_ok=True)
    if not board.loader.exists():
        shutil.copyfile(cache / _LOADER, board.loader)
    if not board.disk.exists():
        size = f"{hardware.DISK_GIB}G"
        made = run(["qemu-img", "create", "-q", "-f", "qcow2", str(board.disk), size], timeout_s=30)
        if made.code != 0:
            raise AnypoolError(f"a blade's disk could not be made: {made.last_line()}")
    if not board.exists():
        first = hardware.made(server, kept.blade_memory_mib)
        if server.role != "blade":
            first = replace(first, bios=first.bios | {"BootOrder": "Network,Hdd"})
        board.write(first)
