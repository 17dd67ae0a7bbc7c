"""A host dies: its VM restarts, a spare replaces it by policy, balance follows, it is given back.

    .venv/bin/python -m tests.lab.prove_replacement FOLDER     # some three minutes by emulation

Hosts, spare and controllers are servers of a lab that are made of namespaces, with libvirt and
QEMU of the machine. What runs where is what their process tables say. What happened when is
printed. Simulated time has the same with crashes at every write: `tests/simulation`.
"""

import sys
import tempfile
import time
from pathlib import Path

from anypool.cli.client import Json
from anypool.lab import sshd
from anypool.lab.places import default_cache_dir
from tests.lab.booting import IP, Booting, adopt, booting, take_boot_host
from tests.lab.prove_hypervisor import Proof
from tests.lab.test_hypervisor import CMDLINE

VMS = {"a": "h1", "b": "h1", "c": "h2"}
SETTINGS = {"observe_every_s": 1.0, "look_every_s": 0.1, "watch_every_s": 2.0}
POLICIES: dict[str, Json] = {
    "ha": {"kind": "ha", "level": "automatic", "silent_s": 6, "power_every_s": 2, "cold_s": 5},
    "even": {
        "kind": "balance", "level": "automatic", "threshold_percent": 0.5, "hold_s": 5,
        "cool_down_s": 10, "margin_percent": 1,
    },
    "farm": {
        "kind": "replenish", "level": "automatic", "after_s": 20, "cold_s": 0, "hold_s": 5,
        "cool_down_s": 5, "high_percent": 0, "low_percent": 99,
    },
}  # fmt: skip


class Pool(Booting):
    """Two hosts with three VMs, a spare, and a profile that makes a host of it."""

    def furnish(self) -> None:
        """Make all of it, and the policies."""
        sshd.ensure(default_cache_dir(), print)
        self.fill()
        adopt(self, "s1")
        for name in ("kernel", "initrd"):
            (self.boot / "import" / name).write_bytes(b"the machine's own stands in for it")
        parts = {"kernel": "kernel", "initrd": "initrd"}
        take_boot_host(self, self.boot, "hypervisor", parts, CMDLINE)
        profile = {"name": "node1", "ip": IP, "image": "hypervisor", "hypervisor": True}
        self.client.post("/profiles", {**profile, "nics": [], "boot": ["network"]})
        for name, host in VMS.items():
            self.do("/vms", {"name": name, "image": "lab-guest", "host": host})
        for name, rule in POLICIES.items():
            body = {"name": name, "scope": "pool = default", "rule": rule}
            self.client.post("/policies", body)

    def places(self) -> str:
        """Which servers have an emulator for which VM, by the process tables."""
        ids = {one["name"]: one["id"] for one in self.client.items("/vms")}
        return ", ".join(f"{name} on {'+'.join(self.lab.running(ids[name]))}" for name in VMS)

    def hosts(self) -> list[tuple[str, str]]:
        """The hosts with their states."""
        return [(one["name"], one["state"]) for one in self.client.items("/hosts")]

    def said(self, policy: str) -> str:
        """What a policy says of itself now."""
        return str((self.client.get(f"/policies/{policy}").get("watched") or {}).get("why", ""))

    def plan(self, begins: str) -> Json | None:
        """The newest plan of the policy `farm` whose goal begins so."""
        found = self.client.items("/plans")
        mine = (one for one in found if one["by"] == "policy:farm")
        return next((one for one in mine if one["goal"].startswith(begins)), None)


def main(folder: Path) -> None:
    """Prove it, and tell how long what took."""
    folder.mkdir(parents=True, exist_ok=True)
    proof = Proof()
    with booting(Pool, "replaced", folder, hosts=2, spares=1, written=SETTINGS) as pool:
        proof.tell(f"it runs: {pool.places()}")
        time.sleep(POLICIES["ha"]["cold_s"] + 5)
        _dies(pool, proof)
        _returns(pool, proof)


def _dies(pool: Pool, proof: Proof) -> None:
    proof.began = time.monotonic()
    pool.lab.kill("h2")
    proof.tell("h2 has no power any more")
    proof.await_(lambda: "c on h1" in pool.places(), "c runs again, on h1", 60)
    proof.await_(lambda: "replaced if" in pool.said("farm"), "h2 is known to be dead", 60)
    proof.tell(f"    {pool.said('farm')}")
    made = proof.await_(lambda: pool.plan("make s1"), "there is a plan", 90)
    proof.tell(f"    {made['goal']}")
    proof.await_(lambda: pool.lab.server("s1").power == "on", "s1 is switched on", 60)
    proof.await_(lambda: ("node1", "up") in pool.hosts(), "s1 is a host of the pool", 120)
    proof.await_(lambda: " on s1" in pool.places(), "a VM moved there", 120)
    proof.tell(f"it runs: {pool.places()}")


def _returns(pool: Pool, proof: Proof) -> None:
    pool.lab.boot("h2")
    proof.tell("h2 has power again")
    back = proof.await_(lambda: pool.plan("take the host"), "there is a proposal", 120)
    proof.tell(f"    {back['goal']}")
    proof.tell(f"    {back['state']}: it waits for a person")
    pool.do(f"/plans/{back['id']}/run")
    proof.tell(f"s1 is {pool.lab.server('s1').power}; it runs: {pool.places()}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(sys.argv[1] if sys.argv[1:] else place).absolute())
