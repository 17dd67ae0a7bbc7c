"""A spare of the lab becomes a host by a profile: from its BMC's power-on to a running VM.

The server is one of namespaces: it takes its address by DHCP and its boot script over HTTP as a
real one does, and what stands in for kernel and root are the machine's. Who it is, its host key
and who may log in come from the boot host alone. A blade does it with an image of its own:
`tests/lab/prove_hypervisor.py`, by hand.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.errors import AnypoolError, NotFound
from anypool.lab import sshd
from anypool.lab.blades import boothost
from anypool.lab.places import default_cache_dir
from tests.lab.conftest import RunningLab, lab_or_skip, machine, wait_until
from tests.lab.full_stack import Stack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
IP = "10.77.0.150"
CMDLINE = "console=ttyS0 quiet anypool.join={join}"


class Farm(Stack):
    """One host, one spare, a boot host, and a profile that boots a hypervisor."""

    def __init__(self, lab: RunningLab, boot: Path, folder: Path) -> None:
        super().__init__(lab, folder)
        self.boot = boot

    def furnish(self) -> None:
        """Take the host, adopt the spare, and make the profile."""
        self.fill()
        status = self.lab.status()
        body = {
            "address": self.lab.server("s1").bmc_url.split("/")[2],
            "user": status.bmc_user,
            "password": Path(status.bmc_password_file).read_text().strip(),
            "fingerprint": status.bmc_fingerprint,
            "name": "s1",
            "prove": False,
        }
        self.client.post("/servers", body)
        self.client.patch("/servers/s1", {"spare": True})
        self.client.post("/endpoints", {"uri": f"boot+unix://{self.boot}/control", "name": "boot"})
        for name in ("kernel", "initrd"):
            (self.boot / "import" / name).write_bytes(b"the machine's own stands in for it")
        parts = {"kernel": "kernel", "initrd": "initrd"}
        order = {"deed": "add", "parts": parts, "cmdline": CMDLINE}
        self.client.post("/boot-hosts/boot/images/hypervisor", order)
        profile = {"name": "node1", "ip": IP, "image": "hypervisor", "hypervisor": True}
        self.client.post("/profiles", {**profile, "nics": [], "boot": ["network"]})

    def power(self) -> str:
        """Whether the spare is on, by the lab's process table."""
        return self.lab.server("s1").power


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    before = machine()
    lab = lab_or_skip("diskless", tmp_path / "labs", hosts=1, spares=1)
    try:
        sshd.ensure(default_cache_dir(), print)
        with boothost.serving(lab.name, lab.state_dir) as boot:
            made = Farm(lab, boot, tmp_path)
            made.written = {"observe_every_s": 1.0, "look_every_s": 0.1}
            try:
                made.start()
                made.furnish()
                yield made
            finally:
                made.stop()
    finally:
        labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: machine() == before, "nothing of the lab is left")


def test_a_spare_becomes_a_host_that_runs_a_vm_and_leaves_again(farm: Farm) -> None:
    wish = {"server": "s1", "vm": {"name": "first", "image": "lab-guest"}}
    plan = farm.client.post("/profiles/node1/make-host", wish, dry_run=True)
    kinds = [step["action"]["type"] for step in plan["steps"]]
    assert kinds == [
        "apply-profile", "power-on-server", "verify-server", "join-host", "verify-host",
        "create-vm", "start-vm",
    ]  # fmt: skip
    assert plan["cost"]["duration_ms"] > 0
    assert farm.power() == "off"

    farm.do("/profiles/node1/make-host", wish)
    vm = farm.client.get("/vms/first")
    assert farm.lab.running(vm["id"]) == ["s1"]
    host = farm.client.get("/hosts/node1")
    assert (host["state"], host["endpoint"]) == ("up", "node1")
    (kept,) = [one for one in farm.client.items("/endpoints") if one["id"] == "node1"]
    assert kept["uri"] == f"qemu+ssh://root@{IP}/system"
    assert _is_who_it_was_made(farm, kept["options"]["host_key"])
    with pytest.raises(AnypoolError, match="node1 is at"):
        farm.client.post("/profiles/node1/make-host", {"server": "s1"})

    _moves_away_and_comes_back(farm, vm["id"])
    farm.do("/servers/s1/retire-host")
    assert farm.lab.running(vm["id"]) == ["h1"], "its VM went on elsewhere"
    assert farm.power() == "off"
    with pytest.raises(NotFound):
        farm.client.get("/hosts/node1")
    assert farm.client.get("/boot-hosts/boot")["entries"] == []
    assert farm.client.get("/profiles/node1")["server"] == ""


def _moves_away_and_comes_back(farm: Farm, vm: str) -> None:
    """Its neighbour has no key of it, and brings a VM with one that was made for that alone."""
    for target, place in (("h1", "h1"), ("node1", "s1")):
        farm.do(f"/vms/{vm}/migrate", {"host": target})
        assert farm.lab.running(vm) == [place]
    left = [path for path in farm.lab.state_dir.rglob("anypool-way-*")]
    assert left == [], "no key is left at the source"


def _is_who_it_was_made(farm: Farm, host_key: str) -> bool:
    """Whether the server shows the key that is pinned, and no key of an image or of the machine."""
    shown = farm.lab.run(["ssh-keyscan", "-t", "ed25519", IP]).out
    known = [" ".join(line.split()[1:3]) for line in shown.splitlines() if line[:1] != "#"]
    return known == [host_key]
