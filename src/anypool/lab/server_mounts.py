"""What a server sees of the machine's files, and what it has of its own.

Runs in the server's own mount namespace, so the machine sees nothing of it.
"""

import os
import shutil
import socket
from pathlib import Path

from anypool.lab import emulator, kernel
from anypool.lab.libvirt_files import PRIVATE_FOLDERS, SERVER_HOME
from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.spec import Server

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "net/tun")
_KVM_DEVICES = ("kvm", "vhost-net")
_LOCKS = "/run/lock"
"""Where /var/lock leads to; libvirt locks a serial console there."""


def mount_all(kept: KeptLab, places: LabPlaces, server: Server) -> None:
    """Give the server its own /proc, /sys, /run, /dev, /etc files and libvirt folders."""
    lab = os.open(places.directory, os.O_PATH)
    script = os.open(kept.emulator or "/", os.O_PATH)
    home = os.open(places.server(server.name), os.O_PATH)
    kernel.make_mounts_private()
    kernel.mount("proc", "/proc", "proc")
    kernel.mount("sysfs", "/sys", "sysfs")
    kernel.mount("tmpfs", "/run", "tmpfs", options="mode=755")
    os.mkdir(SERVER_HOME)
    os.mkdir(_LOCKS)
    kernel.bind(f"/proc/self/fd/{home}", SERVER_HOME)
    _mount_etc(places.etc)
    if not kept.rootless:
        _mount_system_folders(places, lab)
    _mount_devices(_DEVICES + (_KVM_DEVICES if kept.accelerator == "kvm" else ()))
    if kept.emulator:
        emulator.put_before_qemu(f"/proc/self/fd/{script}")
    os.close(script)
    os.close(lab)
    os.close(home)


def take_root(places: LabPlaces) -> None:
    """Give a server that booted from the network the VMs that are defined on its disk.

    That is the disk of whom it is now, not of the hardware; it begins as the server's own.
    """
    own = f"{PRIVATE_FOLDERS['etc']}/qemu"
    disk = places.directory / "disks" / socket.gethostname()
    if not disk.exists():
        shutil.copytree(own, disk, symlinks=True)
    kernel.bind(str(disk), own)


def _mount_system_folders(places: LabPlaces, lab: int) -> None:
    """Mount the system daemon's folders, which need not exist on the machine.

    So their parents are the server's own as well; the lab's folder, should it be in one of
    them, stays visible through the descriptor `lab` opened before.
    """
    for parent in ("/var/lib", "/var/cache", "/var/log"):
        kernel.mount("tmpfs", parent, "tmpfs", options="mode=755")
    if not places.directory.exists():
        places.directory.mkdir(parents=True)
        kernel.bind(f"/proc/self/fd/{lab}", str(places.directory))
    for name, target in PRIVATE_FOLDERS.items():
        os.makedirs(target, exist_ok=True)
        kernel.bind(f"{SERVER_HOME}/{name}", target)


def _mount_etc(own: Path) -> None:
    """Give the server an /etc in which the entries of the folder `own` replace the machine's."""
    machine, etc = Path("/run/machine-etc"), Path("/run/etc")
    machine.mkdir()
    etc.mkdir()
    kernel.bind("/etc", str(machine))
    entries = {entry.name: entry for folder in (machine, own) for entry in folder.iterdir()}
    for name, origin in entries.items():
        (etc / name).symlink_to(origin)
    kernel.bind(str(etc), "/etc")


def _mount_devices(names: tuple[str, ...]) -> None:
    """Give the server a /dev with these devices only.

    A /dev/kvm that boots no guest must not be there at all: libvirt would take it for usable
    and question QEMU again, for seconds, at every single call.
    """
    devices = Path("/run/dev")
    devices.mkdir()
    kernel.mount("tmpfs", str(devices), "tmpfs", options="mode=755")
    for name in names:
        source, target = Path("/dev", name), devices / name
        if source.exists():
            target.parent.mkdir(exist_ok=True)
            target.mkdir() if source.is_dir() else target.touch()
            kernel.bind(str(source), str(target))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (devices / name).symlink_to(f"/proc/self/fd/{number}")
    (devices / "fd").symlink_to("/proc/self/fd")
    (devices / "shm").mkdir()
    (devices / "shm").chmod(0o1777)  # whatever the umask
    (devices / "pts").mkdir()
    kernel.mount("devpts", str(devices / "pts"), "devpts", options="newinstance,ptmxmode=666")
    (devices / "ptmx").symlink_to("pts/ptmx")
    kernel.bind(str(devices), "/dev")
