"""A server of the lab that starts from the network, as far as one without firmware can.

It asks for its address by DHCP, fetches its boot script as iPXE would, and takes the kernel's
command line from it. What stands in for kernel and root file system are those of the machine;
that it is nobody until its boot host says who it is holds as on a real server: its name, its host
key and who may log in come by the same script as in an image.
"""

import socket
import sys
import time
import urllib.error
import urllib.request
from importlib.resources import as_file, files
from pathlib import Path

from anypool.lab import sshd
from anypool.lab.commands import run
from anypool.lab.places import default_cache_dir

WORD = "network"
"""What a first process is told that starts from the network."""
TOLD = Path("/run/netstart")
ROOT = TOLD / "root"
_AGAIN_S = 1.0
_ASK_S = 40.0
_LEASE = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/${mask:-24}" dev "$interface"
echo "$bootfile$boot_file" >/run/netstart/url
"""
_IPXE = "0xaf:b10101"
"""The option by which iPXE says what it is: an answer to it is the address of a script."""


def start() -> None:
    """Find out who this server is; returns once that is known, tries for ever."""
    TOLD.mkdir()
    lease = TOLD / "lease"
    lease.write_text(_LEASE)
    lease.chmod(0o755)
    run(["ip", "link", "set", "eth0", "up"], timeout_s=10)
    while why := _started(lease):
        print(f"{socket.gethostname()}: {why}", file=sys.stderr, flush=True)
        time.sleep(_AGAIN_S)


def serve() -> int:
    """Start the daemon by which the manager comes; return its process."""
    return sshd.start(
        sshd.folder(default_cache_dir()),
        ROOT / "etc/ssh/ssh_host_ed25519_key",
        ROOT / "root/.ssh/authorized_keys",
    )


def cmdline_of(script: str) -> str:
    """Return the command line of the kernel that a boot script starts, "" if it starts none."""
    for line in script.splitlines():
        words = line.split()
        if words[:1] == ["kernel"]:
            return " ".join(word for word in words[2:] if not word.startswith("initrd="))
    return ""


def _started(lease: Path) -> str:
    """Try once; return why it did not come to an end, "" if it did."""
    words = ["busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-T", "1"]
    words += ["-O", "bootfile", "-x", _IPXE, "-s", str(lease)]
    if run(words, timeout_s=_ASK_S).code:
        return "nobody gives it an address"
    url = (TOLD / "url").read_text().strip()
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "iPXE/lab"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            script = answer.read(1 << 16).decode()
    except (OSError, urllib.error.URLError, ValueError) as problem:
        return f"no boot script at {url!r}: {problem}"
    cmdline = cmdline_of(script)
    if not cmdline:
        return f"its boot script starts no kernel: {script.strip().splitlines()[-1:]}"
    (TOLD / "cmdline").write_text(f"{cmdline}\n")
    with as_file(files("anypool.hypervisor") / "join.sh") as join:
        said = run(["sh", str(join), str(ROOT), str(TOLD / "cmdline")], timeout_s=90)
    return said.last_line() if said.code else ""
