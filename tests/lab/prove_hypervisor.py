"""A blade without a disk becomes a host: from power-on to a running VM, for real and once.

    .venv/bin/python -m tests.lab.prove_hypervisor FOLDER     # some 20 minutes by emulation

The blade is a QEMU machine: its firmware takes an address by DHCP and a script over HTTP, starts
Debian's kernel with its root on an iSCSI disk, and in it libvirt and QEMU, which emulate once
more. The image is made by `anypool boot-service image build-hypervisor`; it stays in FOLDER and
is used again. What happened when is printed, and so is what the machines say themselves.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from anypool import lab as labs
from anypool.hypervisor import build
from anypool.lab import image as guests
from anypool.lab.blades import boothost
from anypool.lab.places import default_cache_dir
from anypool.lab.spec import MANAGEMENT_GATEWAY
from tests.lab.booting import adopt, take_boot_host
from tests.lab.conftest import RunningLab
from tests.lab.full_stack import Stack
from tests.lab.rack import Rack

IP, TARGET = "10.77.0.150", "iqn.2026-11.local.boot:node1"
MEMORY_MIB = 1536
SETTINGS = {"observe_every_s": 5.0, "look_every_s": 0.5, "migration_deadline_s": 1500.0}
_CUSTOMIZE = """#!/bin/sh
# what an administrator adds: a network for VMs, an image of a guest, and a key to look in
set -eu
mkdir -p "$1/root/.ssh" "$1/var/lib/libvirt/images"
cp {key}.pub "$1/root/.ssh/authorized_keys2"
chmod -R go= "$1/root/.ssh"
cp {guest}/lab-guest.* "$1/var/lib/libvirt/images/"
"""


class Proof:
    """The clock and what is written down."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def tell(self, text: str) -> None:
        """Print what happened, and after how many seconds."""
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def await_(self, look: Callable[[], Any], what: str, within_s: float) -> Any:
        """Look until it gives something true, and tell so."""
        deadline = time.monotonic() + within_s
        while not (seen := look()):
            if time.monotonic() > deadline:
                raise SystemExit(f"not within {within_s:g} s: {what}")
            time.sleep(0.5)
        self.tell(what)
        return seen


def image(folder: Path, proof: Proof) -> Path:
    """Make the image of the hypervisor, unless it is there."""
    made, key = folder / "image", folder / "key"
    if not all((made / part).exists() for part in build.PARTS):
        key.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        guest = Path(guests.ensure(default_cache_dir(), proof.tell).kernel).parent
        with tempfile.TemporaryDirectory() as place:
            program = Path(place) / "customize"
            program.write_text(_CUSTOMIZE.format(key=key, guest=guest))
            program.chmod(0o755)
            build.build(made, proof.tell, size_gib=3, customize=program)
    proof.tell(f"the image: {', '.join(f'{p} {_mib(made / p)} MiB' for p in build.PARTS)}")
    return made


def _mib(file: Path) -> int:
    return file.stat().st_blocks * 512 >> 20


class Blade:
    """The blade as it is looked at from outside: by SSH with a key of the proof's own."""

    def __init__(self, lab: RunningLab, key: Path) -> None:
        self._lab = lab
        self._key = key

    def says(self, *words: str, timeout_s: float = 120.0) -> str:
        """Run something there; return what it prints."""
        options = ["-F", "none", "-i", str(self._key), "-o", "BatchMode=yes"]
        options += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        argv = ["ssh", "-q", *options, f"root@{IP}", *words]
        return self._lab.run(argv, timeout_s=timeout_s).out


@contextmanager
def stack(folder: Path, made: Path, proof: Proof) -> Iterator[tuple[Stack, Rack]]:
    """Run a lab with one blade, a boot host with the image, and a manager that knows both."""
    spec = labs.LabSpec(
        name="hypervisor", hosts=0, spares=0, blades=1, blade_memory_mib=MEMORY_MIB,
        state_dir=folder / "labs",
    )  # fmt: skip
    with ExitStack() as end:
        labs.up(spec, proof.tell)
        end.callback(labs.down, spec.name, spec.state_dir, proof.tell)
        lab = RunningLab(spec)
        boot = end.enter_context(boothost.serving(spec.name, spec.state_dir))
        for part in build.PARTS:
            shutil.copy(made / part, boot / "import" / part)
        shutil.rmtree(folder / "manager", ignore_errors=True)
        running = Stack(lab, folder)
        running.written = SETTINGS
        running.start()
        end.callback(running.stop)
        adopt(running, "b1", spare=False)
        parts = {part: part for part in build.PARTS}
        take_boot_host(running, boot, "hypervisor", parts, build.CMDLINE)
        target = {"iqn": TARGET, "address": MANAGEMENT_GATEWAY}
        profile = {"name": "node1", "ip": IP, "image": "hypervisor", "hypervisor": True}
        running.client.post("/profiles", {**profile, "nics": [], "iscsi": [target]})
        yield running, Rack(lab, folder)


def main(folder: Path) -> None:
    """Prove it, and tell how long what took."""
    folder.mkdir(parents=True, exist_ok=True)
    proof = Proof()
    made = image(folder, proof)
    with stack(folder, made, proof) as (running, rack):
        blade = Blade(running.lab, folder / "key")
        _join(running, rack, proof)
        _vm(running, blade, proof)
        _retire(running, proof)


def _join(running: Stack, rack: Rack, proof: Proof) -> None:
    plan = running.client.post("/profiles/node1/make-host", {"server": "b1"}, dry_run=True)
    proof.tell(f"the plan: {plan['goal']}")
    for step in plan["steps"]:
        print(f"            {step['number']}. {step['text']}: {step['why']}")
    proof.began = time.monotonic()
    operation = running.post("/profiles/node1/make-host", {"server": "b1"})
    for text, what in (
        ("iPXE", "the firmware of its card asks for an address"),
        ("Linux version", "its kernel starts"),
        ("iscsi", "it logs in to its disk"),
        ("systemd", "systemd starts from it"),
        ("anypool-join", "it asks who it is"),
    ):
        proof.await_(lambda text=text: text in rack.console("b1"), what, 900)  # type: ignore[misc]
    done = proof.await_(lambda: running.ended(operation), "the plan ended", 1800)
    for step in done["steps"]:
        print(f"            {step['number']}. {step['state']}: {step['text']} {step['message']}")
    if done["state"] != "done":
        raise SystemExit(f"it did not join: {done['message']}\n{rack.console('b1')[-4000:]}")
    (host,) = running.client.items("/hosts")
    told = f"{host['name']} is {host['state']}: {host['hypervisor']}, {host['cpus']} CPUs"
    proof.tell(told)


def _vm(running: Stack, blade: Blade, proof: Proof) -> None:
    client = running.client
    (store,) = [one for one in client.items("/datastores") if one["name"] == "local"]
    place = "/var/lib/libvirt/images"
    guest = guests.ensure(default_cache_dir(), proof.tell)
    boot = {"kernel": f"{place}/lab-guest.kernel", "cmdline": guest.cmdline}
    boot["initrd"] = f"{place}/{Path(guest.initrd).name}"
    client.post(
        "/images",
        {
            "name": "lab-guest", "datastore": store["id"], "volume": Path(guest.disk).name,
            "size_bytes": 64 << 20, "memory_mib": guest.memory_mib, "boot": boot,
        },
    )  # fmt: skip
    operation = running.post(
        "/vms", {"name": "first", "image": "lab-guest", "host": "node1", "networks": []}
    )
    done = proof.await_(lambda: running.ended(operation), "the VM was made and started", 900)
    if done["state"] != "done":
        raise SystemExit(str([done["message"], *(step["message"] for step in done["steps"])]))
    print(blade.says("virsh list; ps -o pid,etime,args -C qemu-system-x86_64 | cut -c1-150"))
    tty = blade.says("virsh ttyconsole first").strip()
    proof.await_(
        lambda: "tick" in blade.says(f"timeout 20 cat {tty}", timeout_s=60),
        "the guest in it counts", 900,
    )  # fmt: skip
    print(blade.says(f"uname -a; uptime; free -m; timeout 10 cat {tty}", timeout_s=60))


def _retire(running: Stack, proof: Proof) -> None:
    running.do("/vms/first/power-off")
    ended = running.end(str(running.client.delete("/vms/first", volumes=True)["operation"]["id"]))
    proof.tell(f"the VM is deleted: {ended['state']}")
    running.do("/servers/b1/retire-host")
    proof.tell(f"b1 left the pool and is {running.lab.server('b1').power}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
