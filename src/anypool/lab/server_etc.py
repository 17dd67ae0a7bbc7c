"""The files of /etc that every server of a lab sees instead of the machine's."""

from pathlib import Path

from anypool.lab import sshd
from anypool.lab.records import KeptLab

_DAEMON_USER = "libvirt-qemu"
_DAEMON_ID = 64055
_DAEMON_GROUPS = ((_DAEMON_USER, _DAEMON_ID), ("kvm", 64056))
_ETC = Path("/etc")


def write(kept: KeptLab, folder: Path) -> None:
    """Write what differs: names, and a system daemon's user and group.

    The system daemon insists on a user that only its service package creates, even where
    its settings name another; its group is called like the user, on Ubuntu `kvm`.
    The folder `libvirt` is where its own settings are mounted.
    """
    folder.mkdir(exist_ok=True)
    names = "".join(f"{server.management_address} {server.name}\n" for server in kept.servers)
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
    (folder / "libvirt").mkdir(exist_ok=True)
    if kept.rootless:
        return
    user = f"{_DAEMON_USER}:x:{_DAEMON_ID}:{_DAEMON_ID}::/nonexistent:/usr/sbin/nologin"
    users = _with_entry((_ETC / "passwd").read_text(), user)
    (folder / "passwd").write_text(_with_entry(users, sshd.USER))
    groups = (_ETC / "group").read_text()
    for name, number in _DAEMON_GROUPS:
        groups = _with_entry(groups, f"{name}:x:{number}:")
    (folder / "group").write_text(groups)


def _with_entry(database: str, entry: str) -> str:
    """`database` with the line `entry` appended unless that name is in it."""
    name = entry.partition(":")[0]
    if any(line.partition(":")[0] == name for line in database.splitlines()):
        return database
    return f"{database.rstrip()}\n{entry}\n"
