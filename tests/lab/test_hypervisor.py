"""A spare of the lab becomes a host by a profile, and when it dies the next one is that host.

The server is one of namespaces: it takes its address by DHCP and its boot script over HTTP as a
real one does, and what stands in for kernel and root are the machine's. Who it is, its host key
and who may log in come from the boot host alone. A blade does it with an image of its own:
`tests/lab/prove_hypervisor.py`, by hand.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.errors import AnypoolError, NotFound
from anypool.lab import sshd
from anypool.lab.places import default_cache_dir
from tests.lab.booting import IP, Booting, adopt, booting, take_boot_host
from tests.lab.conftest import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
CMDLINE = "console=ttyS0 quiet anypool.join={join}"


class Farm(Booting):
    """One host, two spares, a boot host, and a profile that boots a hypervisor."""

    def furnish(self) -> None:
        """Take the host, adopt the spares, and make the profile."""
        sshd.ensure(default_cache_dir(), print)
        self.fill()
        for name in ("s1", "s2"):
            adopt(self, name)
        for name in ("kernel", "initrd"):
            (self.boot / "import" / name).write_bytes(b"the machine's own stands in for it")
        parts = {"kernel": "kernel", "initrd": "initrd"}
        take_boot_host(self, self.boot, "hypervisor", parts, CMDLINE)
        profile = {"name": "node1", "ip": IP, "image": "hypervisor", "hypervisor": True}
        self.client.post("/profiles", {**profile, "nics": [], "boot": ["network"]})

    def power(self, name: str) -> str:
        """Whether a spare is on, by the lab's process table."""
        return self.lab.server(name).power

    def host(self) -> tuple[str, str, list[str]]:
        """The state, endpoint and tags of the host that the profile makes."""
        one = self.client.get("/hosts/node1")
        return one["state"], one["endpoint"], one["tags"]

    @property
    def pinned(self) -> str:
        """The host key that the manager takes the host for."""
        (kept,) = [one for one in self.client.items("/endpoints") if one["id"] == "node1"]
        assert kept["uri"] == f"qemu+ssh://root@{IP}/system"
        return str(kept["options"]["host_key"])


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Farm]:
    settings = {"observe_every_s": 1.0, "look_every_s": 0.1}
    with booting(Farm, "diskless", tmp_path, hosts=1, spares=2, written=settings) as made:
        yield made


def test_a_spare_becomes_a_host_that_runs_a_vm_fails_over_and_leaves_again(farm: Farm) -> None:
    wish = {"server": "s1", "vm": {"name": "first", "image": "lab-guest"}}
    plan = farm.client.post("/profiles/node1/make-host", wish, dry_run=True)
    kinds = [step["action"]["type"] for step in plan["steps"]]
    assert kinds == [
        "apply-profile", "power-on-server", "verify-server", "join-host", "verify-host",
        "create-vm", "start-vm",
    ]  # fmt: skip
    assert plan["cost"]["duration_ms"] > 0
    assert farm.power("s1") == "off"

    farm.do("/profiles/node1/make-host", wish)
    vm = farm.client.get("/vms/first")
    assert farm.lab.running(vm["id"]) == ["s1"]
    assert farm.host() == ("up", "node1", [])
    first = farm.pinned
    assert _is_who_it_was_made(farm, first)
    with pytest.raises(AnypoolError, match="node1 is at"):
        farm.client.post("/profiles/node1/make-host", {"server": "s1"})

    _moves_away_and_comes_back(farm, vm["id"])
    farm.client.patch("/hosts/node1", {"tags": ["gold"]})
    farm.lab.kill("s1")
    wait_until(lambda: farm.host()[0] == "unknown", "it is missed", timeout_s=60)
    plan = farm.client.post("/servers/s1/fail-over", {}, dry_run=True)
    kinds = [step["action"]["type"] for step in plan["steps"]]
    assert kinds == [
        "fence-host", "withdraw-profile", "apply-profile", "power-on-server", "verify-server",
        "join-host", "verify-host",
    ]  # fmt: skip
    assert "1 of its VMs can start elsewhere" in plan["steps"][3]["why"]
    farm.do("/servers/s1/fail-over", {})
    assert farm.host() == ("up", "node1", ["gold"]), "it is the same host"
    assert farm.pinned != first
    assert _is_who_it_was_made(farm, farm.pinned)
    assert len(list(farm.client.items("/hosts"))) == 2
    assert (farm.power("s1"), farm.power("s2")) == ("off", "on")
    assert farm.client.get("/vms/first")["state"] == "stopped"
    farm.do("/vms/first/start")
    assert farm.lab.running(vm["id"]) == ["s2"], "its VM is where it was, on other hardware"

    farm.do("/servers/s2/retire-host")
    assert farm.lab.running(vm["id"]) == ["h1"], "its VM went on elsewhere"
    assert farm.power("s2") == "off"
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
