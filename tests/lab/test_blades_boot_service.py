"""Servers that run from the disks of a boot host, by a profile, the whole product in between.

Who may log in is tried with an initiator of our own; who a server is, it says on its console.
"""

from collections.abc import Iterator

import pytest

from anypool.lab.spec import MANAGEMENT_GATEWAY
from tests.lab.bladed import Watching, fetched, users_of
from tests.lab.booting import BOOTS_S, IP, TARGET, Booted, adopt, booting
from tests.lab.conftest import wait_until
from tests.lab.initiator import Initiator
from tests.lab.oracle import Oracle

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]
READY = r"root ready name (\S+ ip \S+ image \S+ starts \d+)"
PROBE = {"kind": "tcp", "address": IP, "port": 80, "interval_s": 1.0, "timeout_s": 0.5}
VMS = ("vm1", "vm2", "vm3")
CARRIERS = ("b1", "b2", "h1")
"""Who may ever run as the profile."""


class Racked(Booted):
    """Two blades; and two hypervisors, the first of which is the only spare."""

    def furnish(self) -> None:
        """Take the hosts, too."""
        super().furnish()
        self.fill()
        adopt(self, "h1")

    def is_let_in(self, initiator: str) -> bool:
        """Whether somebody who knows no secret may log in to the profile's target."""
        with self.lab.inside():
            asking = Initiator((MANAGEMENT_GATEWAY, 3260), initiator, TARGET)
        try:
            return asking.login()
        finally:
            asking.leave()

    def mac(self, server: str) -> str:
        """The MAC that a server boots with."""
        return next(one.management_mac for one in self.lab.spec.servers() if one.name == server)

    def heard_at(self, server: str) -> bool:
        """Whether the lab's bridge heard a server last behind its own cable."""
        return f"{self.mac(server)} dev {server}-mgmt" in self.lab.run(["bridge", "fdb"]).out


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Racked]:
    folder = tmp_path_factory.mktemp("booted")
    made = {"hosts": 2, "spares": 0, "blades": 2, "blade_memory_mib": 256, "firmware": True}
    with booting(Racked, "booted", folder, written={"observe_every_s": 2.0}, **made) as stack:
        yield stack


def test_a_blade_runs_from_its_profiles_disk_and_so_does_the_next(stack: Racked) -> None:
    stack.do("/profiles/db/assign", {"to": "b1"})
    initiator = stack.client.get("/profiles/db")["initiator"]
    said = stack.rack.wait_for("b1", READY, timeout_s=BOOTS_S)
    assert said == f"db ip {IP} image tiny starts 1"
    assert set(stack.sessions()) == {f"{initiator} at {IP}"}
    assert not stack.is_let_in("iqn.2026-11.local.other:x")
    assert not stack.is_let_in(initiator), "its name alone is not enough"
    stack.do("/profiles/db/assign", {"to": "b2", "force": True})
    said = stack.rack.wait_for("b2", READY, timeout_s=BOOTS_S)
    assert said == f"db ip {IP} image tiny starts 2"
    (entry,) = stack.client.get("/boot-hosts/boot")["entries"]
    assert (entry["server"], entry["epoch"], entry["runs"]) == ("b2", 2, 1)


def test_a_hypervisor_with_three_vms_is_emptied_and_takes_the_profile_over(
    stack: Racked,
) -> None:
    """The spare is a libvirt host; what it boots from the network runs on emulated hardware."""
    if not stack.client.get("/profiles/db")["server"]:
        stack.do("/profiles/db/assign", {"to": "b2"})
    watching = Watching(stack.lab, *map(stack.mac, CARRIERS))
    with Oracle(stack.consoles) as oracle, watching as carriers:
        for name in VMS:
            stack.make(name, "h1")
        stack.wait_for_ticks(oracle, VMS, more=2)
        assert [stack.place(name) for name in VMS] == ["h1"] * 3
        stack.lab.kill("b2")
        stack.client.patch("/profiles/db", {"probe": PROBE})
        plan = stack.client.post("/servers/b2/fail-over", {}, dry_run=True)
        assert [step["action"]["type"] for step in plan["steps"]] == [
            "power-off-server", "withdraw-profile", *["migrate-vm"] * 3, "enter-maintenance",
            "power-off-server", "apply-profile", "power-on-server", "verify-server",
        ]  # fmt: skip
        assert plan["cost"]["copy_bytes"] >= 3 * 64 << 20
        assert plan["cost"]["duration_ms"] > 0
        assert [stack.place(name) for name in VMS] == ["h1"] * 3, "so far nothing was done"

        stack.do("/servers/b2/fail-over", {})
        with stack.lab.inside():
            said = fetched(f"http://{IP}/eth0")
        starts = 1 + int(stack.rack.wait_for("b2", READY, timeout_s=1).split()[-1])
        assert said == f"db {stack.mac('h1')} {IP} image tiny starts {starts}"
        assert stack.heard_at("h1")
        pids = {one.name: one.pids for one in stack.lab.status().servers}
        assert users_of(stack.mac("h1"), pids) == ["h1"], "one that bears it is seen by its MAC"
        stack.wait_for_ticks(oracle, VMS, more=2)
        assert [stack.place(name) for name in VMS] == ["h2"] * 3
        for name in VMS:
            uuid = stack.vms[name]
            assert (oracle.twice(uuid), oracle.console(uuid).forks()) == ((), [])
            assert oracle.console(uuid).boots == 1, f"{name} was migrated, and never restarted"
        assert carriers.looks > 100
        assert carriers.twice == []
    assert stack.client.get("/hosts/h1")["state"] == "off", "it runs no VMs as what it is now"


def test_at_the_end_nobody_is_let_in_and_the_hypervisor_is_one_again(stack: Racked) -> None:
    initiator = stack.client.get("/profiles/db")["initiator"]
    stack.do("/profiles/db/unassign", {"force": True})
    after = stack.client.get("/boot-hosts/boot")
    assert (after["entries"], after["targets"], after["well"]) == ([], [], True)
    assert not stack.is_let_in(initiator)
    stack.client.post("/servers/h1/power", {"to": "on"})
    wait_until(lambda: stack.client.get("/hosts/h1")["state"] == "up", "its libvirt answers")
    stack.do("/hosts/h1/leave-maintenance")
