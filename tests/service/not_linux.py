"""Taken as `sitecustomize` by every Python process of a test: it lacks what only Linux has.

Not another system, but the nearest to one that Linux can show: programs, functions and
files that macOS does not have are gone, and whoever reaches for them fails as there.
"""

import ctypes
import os
import select
import signal
import socket
import sys

_GONE = {
    os: (
        "copy_file_range eventfd eventfd_read eventfd_write fdatasync getresgid getresuid getxattr "
        "memfd_create pidfd_open pipe2 posix_fadvise posix_fallocate sched_getaffinity "
        "sched_setaffinity setns setresgid setresuid setxattr splice unshare O_PATH O_TMPFILE "
        "O_DIRECT"
    ),
    select: "epoll",
    signal: "SIGPWR SIGSTKFLT pidfd_send_signal sigtimedwait sigwaitinfo",
    socket: (
        "AF_ALG AF_NETLINK AF_PACKET AF_VSOCK SO_BINDTODEVICE SO_PASSCRED SO_PEERCRED SO_MARK "
        "SOCK_CLOEXEC SOCK_NONBLOCK TCP_CORK TCP_USER_TIMEOUT"
    ),
}
_PROGRAMS = {"unshare", "nsenter", "setpriv", "ip", "iptables", "libvirtd", "virsh", "systemctl"}
_FUNCTIONS = {"prctl", "unshare", "setns", "mount"}
_MODULES = {"libvirt", "libvirtmod", "sushy_tools", "psycopg", "spwd"}

for module, names in _GONE.items():
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)


class _Library(ctypes.CDLL):
    def __getattr__(self, name: str) -> object:
        if name in _FUNCTIONS:
            raise AttributeError(f"symbol not found: {name}")
        return super().__getattr__(name)


ctypes.CDLL = _Library  # type: ignore[misc]


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir", "glob.glob") and arguments:
        path = str(arguments[0])
        if path.startswith(("/proc", "/sys/", "/dev/kvm", "/dev/net")):
            raise FileNotFoundError(2, "No such file or directory", path)
    if event == "subprocess.Popen" and os.path.basename(str(arguments[0])) in _PROGRAMS:
        raise FileNotFoundError(2, "No such file or directory", str(arguments[0]))
    if event == "import" and str(arguments[0]).partition(".")[0] in _MODULES:
        raise ModuleNotFoundError(f"No module named {arguments[0]!r}")


sys.addaudithook(_refuse)
