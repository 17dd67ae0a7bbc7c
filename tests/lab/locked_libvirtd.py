"""A libvirtd that asks for a password: `python -m tests.lab.locked_libvirtd FOLDER PORT`.

It has no hypervisor but libvirt's own test driver, listens on loopback, and knows one user.
What it would write lies in a mount namespace of its own, and in FOLDER.
"""

import dbm.ndbm
import os
import socket
import sys
from pathlib import Path

from anypool.lab.kernel import CLONE_NEWNS, make_mounts_private, mount, unshare

USER, PASSWORD = "ada", "right"
_OWN = ("/run", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt")


def main(folder: Path, port: str) -> None:
    unshare(CLONE_NEWNS)
    make_mounts_private()
    for place in filter(os.path.isdir, _OWN):
        mount("none", place, "tmpfs")
    settings = folder / "libvirtd.conf"
    settings.write_text(
        'listen_tls = 0\nlisten_tcp = 1\nlisten_addr = "127.0.0.1"\nauth_tcp = "sasl"\n'
        f'tcp_port = "{port}"\nunix_sock_group = "root"\nauth_unix_rw = "none"\n'
    )
    for name in ("sasl", "no-drivers"):
        (folder / name).mkdir()
    (folder / "sasl" / "libvirt.conf").write_text(
        "mech_list: digest-md5\npwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
        f"sasldb_path: {write_users(folder)}\n"
    )
    own = {"SASL_CONF_PATH": folder / "sasl", "LIBVIRT_DRIVER_DIR": folder / "no-drivers"}
    environment = {**os.environ, **{name: str(path) for name, path in own.items()}}
    os.execvpe("libvirtd", ["libvirtd", "--listen", "-f", str(settings)], environment)


def write_users(folder: Path) -> Path:
    """Write the database of Cyrus SASL: `user NUL realm NUL property`, in a Berkeley hash."""
    made = folder / "users"
    with dbm.ndbm.open(str(made), "n", 0o600) as users:
        for realm in {socket.gethostname(), socket.getfqdn()}:
            users[f"{USER}\0{realm}\0userPassword".encode()] = PASSWORD.encode()
    return made.with_name("users.db").rename(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
