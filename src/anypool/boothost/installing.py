"""Putting the program on a boot host, with a unit for it and one for tgtd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass

from anypool.boothost.control import NAME, asked
from anypool.boothost.files import put, put_json
from anypool.boothost.values import Refused, Site

FOLDER = "/var/lib/anypool-boot"
SERVICE, TARGETS = "anypool-boothost.service", "anypool-boothost-targets.service"
_START_S = 20.0
_NEEDED = {"dnsmasq": "dnsmasq-base", "tgtd": "tgt", "tgtadm": "tgt"}

_SERVICE_UNIT = """\
# Who boots as whom: DHCP, boot scripts and iSCSI targets for the servers anypool says.
[Unit]
Description=anypool boot host: DHCP, boot scripts, targets
Wants=network-online.target
After=network-online.target {targets}
Requires={targets}

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} --folder {folder} run
WatchdogSec=90
Restart=always
RestartSec=1
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths={folder}
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE CAP_CHOWN \
CAP_SETUID CAP_SETGID
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
"""
_TARGETS_UNIT = """\
# Servers run from these disks: it goes on when the program above is started again.
[Unit]
Description=anypool boot host: iSCSI targets
Wants=network-online.target
After=network-online.target local-fs.target

[Service]
Environment=TGT_IPC_SOCKET={folder}/tgtd
ExecStart={tgtd} -f -C {control} --iscsi portal={address}:{iscsi_port}
ExecStop=-{tgtadm} -C {control} --op delete --mode system
KillSignal=SIGKILL
Restart=always
RestartSec=1
OOMScoreAdjust=-1000
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Places:
    """Where the parts lie; `root` is put before all of them, for tests."""

    root: str = ""

    @property
    def program(self) -> str:
        """The program."""
        return f"{self.root}/usr/local/sbin/anypool-boothost"

    def unit(self, name: str) -> str:
        """Return where a unit is."""
        return f"{self.root}/etc/systemd/system/{name}"


def units(site: Site, places: Places, folder: str) -> dict[str, str]:
    """Return the text of each unit by its name."""
    facts = {
        "program": places.program,
        "folder": folder,
        "targets": TARGETS,
        "tgtd": shutil.which("tgtd") or "/usr/sbin/tgtd",
        "tgtadm": shutil.which("tgtadm") or "/usr/sbin/tgtadm",
        **{name: str(value) for name, value in asdict(site).items()},
    }
    return {TARGETS: _TARGETS_UNIT.format(**facts), SERVICE: _SERVICE_UNIT.format(**facts)}


def write(site: Site, program: bytes, places: Places, folder: str) -> None:
    """Write all parts; each appears whole."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    put_json(f"{folder}/site.json", asdict(site))
    for path in (places.program, places.unit(SERVICE)):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    put(places.program, program, 0o755)
    for name, text in units(site, places, folder).items():
        put(places.unit(name), text.encode())


def install(site: Site, places: Places, folder: str) -> None:
    """Write all parts, start them and wait until the program answers; raise `Refused`."""
    if os.geteuid() != 0:
        raise Refused("only root can install it")
    missing = sorted({of for name, of in _NEEDED.items() if shutil.which(name) is None})
    if missing:
        raise Refused(f"{', '.join(missing)} is missing", f"apt-get install {' '.join(missing)}")
    with open(sys.argv[0], "rb") as file:
        write(site, file.read(), places, folder)
    _systemctl("daemon-reload")
    _systemctl("enable", TARGETS, SERVICE)
    _systemctl("start", TARGETS)
    _systemctl("restart", SERVICE)
    deadline = time.monotonic() + _START_S
    while True:
        try:
            asked(f"{folder}/{NAME}", b'{"ask": "state"}', 5.0)
            return
        except OSError as problem:
            if time.monotonic() > deadline:
                hint = f"journalctl -u {SERVICE}"
                raise Refused(f"it does not answer: {problem}", hint) from problem
            time.sleep(0.1)


def uninstall(places: Places, folder: str) -> None:
    """Stop and remove all but images and disks; raise `Refused` while a server boots from here."""
    entries = f"{folder}/entries"
    if os.path.isdir(entries) and os.listdir(entries):
        hint = "take their profiles away first: `anypool profile unassign`"
        raise Refused("servers boot from here", hint)
    for name in (SERVICE, TARGETS):
        with suppress(Refused):
            _systemctl("disable", "--now", name)
        with suppress(FileNotFoundError):
            os.unlink(places.unit(name))
    for path in (places.program, f"{folder}/site.json"):
        with suppress(FileNotFoundError):
            os.unlink(path)
    _systemctl("daemon-reload")


def _systemctl(*words: str) -> None:
    done = subprocess.run(
        ["systemctl", *words], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise Refused(f"systemctl {' '.join(words)}: {done.stderr.strip()}")
