"""The lab's guest with the distribution's own QEMU guest agent, and that agent stopped in it.

The agent and the libraries it needs are a second archive behind the guest's own: the kernel
unpacks one after the other. Its package is downloaded and read, never installed.
"""

import json
import re
from pathlib import Path

from anypool import lab as labs
from anypool.lab import debian_package
from anypool.lab.commands import run
from anypool.lab.initramfs import Archive
from tests.lab.conftest import RunningLab

_PROGRAM = "usr/sbin/qemu-ga"
_PIDS = "/run/agent.pid"
_SCRIPT = f"""#!/bin/sh
# Answers where QEMU's channel for the agent is; its name comes some time after the port.
while :; do
    for port in /sys/class/virtio-ports/*; do
        name=
        [ ! -e "$port/name" ] || read -r name <"$port/name"
        [ "$name" = org.qemu.guest_agent.0 ] || continue
        echo $$ >{_PIDS}
        exec /{_PROGRAM} -m virtio-serial -p "/dev/${{port##*/}}" -t /run
    done
    sleep 0.2
done
"""
_LIBRARY = re.compile(r"(/\S+) \(0x")


def with_agent(lab: RunningLab, workspace: Path) -> str:
    """Make the guest's initial RAM disk anew, with the agent, in the lab's datastore."""
    status = lab.status()
    assert status.image is not None
    found = debian_package.files_of(("qemu-guest-agent",), workspace, lambda path: path == _PROGRAM)
    program = workspace / "qemu-ga"
    program.write_bytes(found[_PROGRAM])
    program.chmod(0o755)
    libraries = _LIBRARY.findall(run(["ldd", str(program)], timeout_s=20).out)
    assert libraries, "the agent needs nothing?"
    archive = Archive()
    files = {_PROGRAM: found[_PROGRAM], "bin/agent": _SCRIPT.encode()}
    files |= {one.lstrip("/"): Path(one).read_bytes() for one in libraries}
    folders = {str(parent) for name in files for parent in Path(name).parents if str(parent) != "."}
    for folder in sorted(folders - {"bin"}):
        archive.folder(folder)
    for name, content in files.items():
        archive.file(name, content)
    made = Path(status.datastore_dir) / "lab-guest-agent.initrd"
    own = Path(status.image.initrd).read_bytes()
    made.write_bytes(own + b"\0" * (-len(own) % 512) + archive.finish())
    return str(Path(status.image.initrd).with_name(made.name))


def hang(lab: RunningLab, server: str, vm: str) -> None:
    """Stop the agent in a guest, by the agent itself: it does not answer that any more."""
    words = ["-c", f"kill -STOP $(cat {_PIDS})"]
    order = {"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": words}}
    lab.virsh(server, "qemu-agent-command", vm, json.dumps(order), "--timeout", "2")


def image_of(image: labs.GuestImage, initrd: str, datastore: str, name: str) -> dict[str, object]:
    """Describe the guest with the agent as an image for the manager."""
    return {
        "name": name,
        "datastore": datastore,
        "volume": Path(image.disk).name,
        "size_bytes": 64 << 20,
        "memory_mib": image.memory_mib,
        "boot": {"kernel": image.kernel, "initrd": initrd, "cmdline": image.cmdline},
    }
