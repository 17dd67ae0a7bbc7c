"""The files a server's libvirt daemon starts from: daemon settings, pools and the data network.

They are written before the daemon starts, so a server needs no call to be complete, and comes
back complete after each boot.
"""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from anypool.lab.places import LabPlaces
from anypool.lab.records import KeptLab
from anypool.lab.spec import LIBVIRT_PORT, Server

BRIDGE = "br-data"
SERVER_HOME = "/run/server"
"""Where a server sees its own folder: short, because socket paths end at 107 characters."""

PRIVATE_FOLDERS = {
    "lib": "/var/lib/libvirt",
    "cache": "/var/cache/libvirt",
    "log": "/var/log/libvirt",
    "etc": "/etc/libvirt",
}
"""The folders of the system daemon: name in the server's folder to path inside the server."""

_BRIDGE_HELPER = "bridge-helper"
Setting = str | int | list[str]
_SESSION_CAPABILITIES = Path("libvirt/qemu/cache/capabilities")
_SYSTEM_CAPABILITIES = Path("qemu/capabilities")


class DaemonFolders:
    """Where one server's libvirt keeps its files, as paths of the machine."""

    def __init__(self, home: Path, *, rootless: bool) -> None:
        self.config = home / ("config/libvirt" if rootless else "etc")
        known = _SESSION_CAPABILITIES if rootless else _SYSTEM_CAPABILITIES
        self.capabilities = home / "cache" / known
        self.local_pool = home / ("data/images" if rootless else "lib/images")
        self.local_pool_inside = (
            f"{SERVER_HOME}/data/images" if rootless else f"{PRIVATE_FOLDERS['lib']}/images"
        )


def write(kept: KeptLab, places: LabPlaces, server: Server) -> None:
    """Write the files of one server; what its libvirt defined since is left as it is."""
    home = places.server(server.name)
    folders = DaemonFolders(home, rootless=kept.rootless)
    for name in ("config", "data", "state", "log", "lib", "cache", "etc"):
        (home / name).mkdir(parents=True, exist_ok=True)
    folders.local_pool.mkdir(parents=True, exist_ok=True)
    folders.capabilities.mkdir(parents=True, exist_ok=True)
    folders.config.mkdir(parents=True, exist_ok=True)
    (folders.config / "libvirtd.conf").write_text(_daemon_settings(server))
    (folders.config / "qemu.conf").write_text(_qemu_settings(rootless=kept.rootless))
    if kept.rootless:
        helper = home / _BRIDGE_HELPER
        helper.write_text(f'#!/bin/sh\nexec {sys.executable} -m anypool.lab.bridge_helper "$@"\n')
        helper.chmod(0o755)
    _define(folders.config / "storage", "shared", _pool("shared", str(places.datastore)))
    _define(folders.config / "storage", "local", _pool("local", folders.local_pool_inside))
    _define(folders.config / "qemu/networks", "data", _network())


def _define(folder: Path, name: str, document: bytes) -> None:
    file = folder / f"{name}.xml"
    autostart = folder / "autostart" / file.name
    autostart.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.write_bytes(document)
        autostart.unlink(missing_ok=True)
        autostart.symlink_to(f"../{file.name}")


def _daemon_settings(server: Server) -> str:
    settings: dict[str, Setting] = {
        "listen_tls": 0,
        "listen_tcp": 1,
        "listen_addr": server.management_address,
        "tcp_port": str(LIBVIRT_PORT),
        "auth_tcp": "none",
        "auth_unix_ro": "none",
        "auth_unix_rw": "none",
        "host_uuid": server.uuid,
        "log_outputs": "3:stderr",
    }
    return _settings(settings)


def _qemu_settings(*, rootless: bool) -> str:
    settings: dict[str, Setting] = {
        "security_driver": "none",
        "cgroup_controllers": [],
        "namespaces": [],
        "stdio_handler": "file",
        "vnc_listen": "0.0.0.0",
    }
    if rootless:
        settings |= {"bridge_helper": f"{SERVER_HOME}/{_BRIDGE_HELPER}"}
    else:
        settings |= {"user": "root", "group": "root", "remember_owner": 0}
    return _settings(settings)


def _settings(values: dict[str, Setting]) -> str:
    return "".join(f"{key} = {_quoted(value)}\n" for key, value in values.items())


def _quoted(value: Setting) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _pool(name: str, path: str) -> bytes:
    pool = ET.Element("pool", type="dir")
    ET.SubElement(pool, "name").text = name
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = path
    return ET.tostring(pool)


def _network() -> bytes:
    network = ET.Element("network")
    ET.SubElement(network, "name").text = "data"
    ET.SubElement(network, "forward", mode="bridge")
    ET.SubElement(network, "bridge", name=BRIDGE)
    return ET.tostring(network)
