"""Whether this machine can carry a lab: found out in seconds, without changing anything."""

import glob
import importlib.util
import os
import platform
import shutil
import sys

from anypool.lab import outer
from anypool.lab.commands import run, search_path
from anypool.lab.records import LabProbe, MissingPackage, Mode

PROBE_TIMEOUT_S = 5.0

_PROGRAMS = (
    ("unshare", "util-linux", "making namespaces", 1),
    ("ip", "iproute2", "the lab's networks", 3),
    ("iptables-restore", "iptables", "partitions", 2),
    ("libvirtd", "libvirt-daemon", "the servers' hypervisor", 10),
    ("virsh", "libvirt-clients", "the servers' hypervisor", 2),
    ("qemu-system-x86_64", "qemu-system-x86", "running guests", 75),
    ("qemu-img", "qemu-utils", "the guests' disks", 5),
    ("busybox", "busybox-static", "the guest image", 1),
    ("apt-get", "apt", "the guest's kernel", 2),
    ("dpkg-deb", "dpkg", "the guest's kernel", 2),
)
_ZSTD = ("zstd", "zstd", "the guest's kernel", 1)
_QEMU_DRIVER = "/usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so"
_EVERYWHERE = (
    "every server reports the whole machine's processors and memory as its own",
    "CPU and disk shares and limits are not applied: the lab's servers have no cgroups",
)
_ROOTLESS = (
    "without root, each server runs a session daemon: its URI ends in /session",
    "without root, commands run inside a server have no privileges there",
)


def probe() -> LabProbe:
    """Try namespaces within 5 s, and list what is missing with its rough download size."""
    if platform.system() != "Linux":
        reason = f"a lab is made of namespaces of Linux, and this is {platform.system()}"
        return LabProbe(mode="none", reason=reason, missing=(), limits=())
    mode = outer.own_mode()
    refusal = _refusal(mode)
    return LabProbe(
        mode="none" if refusal else mode,
        reason=refusal or f"namespaces work here ({mode})",
        missing=_missing(),
        limits=() if refusal else limits(mode),
    )


def limits(mode: Mode) -> tuple[str, ...]:
    """What a lab of this mode cannot do, in sentences for people."""
    return _EVERYWHERE + (_ROOTLESS if mode == "rootless" else ())


def _refusal(mode: Mode) -> str:
    if not shutil.which("unshare", path=search_path()):
        return ""
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun, so no guest can be plugged into a network"
    answer = run(
        [*outer.new(mode), sys.executable, "-m", "anypool.lab.trial"], timeout_s=PROBE_TIMEOUT_S
    )
    if answer.code == 0:
        return ""
    return f"namespaces are refused here ({answer.last_line()})"


def _missing() -> tuple[MissingPackage, ...]:
    programs = (*_PROGRAMS, _ZSTD) if _kernel_is_zstd() else _PROGRAMS
    found = [
        MissingPackage(package=package, needed_for=purpose, size_mb=size)
        for program, package, purpose, size in programs
        if not shutil.which(program, path=search_path())
    ]
    if not glob.glob(_QEMU_DRIVER):
        found.append(
            MissingPackage(
                package="libvirt-daemon-driver-qemu",
                needed_for="the servers' hypervisor",
                size_mb=2,
            )
        )
    if importlib.util.find_spec("sushy_tools") is None:
        found.append(
            MissingPackage(
                package="sushy-tools", needed_for="the servers' BMCs", size_mb=5, source="pip"
            )
        )
    return tuple(found)


def _kernel_is_zstd() -> bool:
    """Return whether this distribution compresses kernel modules so, as Ubuntu does from 24.04."""
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return False
    return "ubuntu" in (told.get("ID", ""), *told.get("ID_LIKE", "").split())
