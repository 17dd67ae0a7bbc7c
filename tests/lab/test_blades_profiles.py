"""A profile comes to a real blade by its BMC and moves to another, the whole product in between.

Who uses an address is asked of the command lines of QEMU and of the lab's bridge, not of the
manager.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.lab.blades import netboot
from tests.lab.conftest import lab_or_skip, machine, wait_until
from tests.lab.full_stack import Stack
from tests.lab.rack import Rack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


class Bladed(Stack):
    """A rack of blades with a manager; `rack` looks at them from outside."""

    def __init__(self, rack: Rack, folder: Path) -> None:
        super().__init__(rack.lab, folder)
        self.rack = rack

    def furnish(self, blades: tuple[str, ...]) -> None:
        """Adopt blades and make a profile that boots from the network."""
        status = self.lab.status()
        password = Path(status.bmc_password_file).read_text().strip()
        for name in blades:
            body = {
                "address": self.lab.server(name).bmc_url.split("/")[2],
                "user": status.bmc_user,
                "password": password,
                "fingerprint": status.bmc_fingerprint,
                "name": name,
            }
            made = self.client.post("/servers", body)
            assert {"identity", "addresses", "iscsi-boot"} <= set(made["abilities"]), made
        range_ = {"name": "lan", "kind": "mac", "first": "02:00:00:00:01:00", "count": 8}
        self.client.post("/address-ranges", range_)
        profile = {"name": "db", "nics": [[]], "boot": ["network"]}
        self.client.post("/profiles", profile)

    @property
    def mac(self) -> str:
        (port,) = self.client.get("/profiles/db")["ports"]
        return str(port["address"])

    def users(self) -> list[str]:
        """The blades whose QEMU runs with the profile's address now."""
        return [
            one.name
            for one in self.lab.status().servers
            for pid in one.pids
            if f"mac={self.mac}" in _argv(pid)
        ]

    def heard_at(self) -> str:
        """The port of the lab's bridge behind which the profile's address was heard last."""
        said = self.lab.run(["bridge", "fdb", "show"]).out
        found = re.findall(rf"^{self.mac} dev (\S+)", said, re.MULTILINE)
        assert len(found) < 2, said
        return found[0] if found else ""


def _argv(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bladed]:
    folder = tmp_path_factory.mktemp("profiles")
    before = machine()
    lab = lab_or_skip(
        "profiles", folder / "labs", hosts=0, spares=0, blades=2, blade_memory_mib=256
    )
    made = Bladed(Rack(lab, folder), folder)
    made.written = {"observe_every_s": 2.0}
    try:
        made.start()
        made.furnish(("b1", "b2"))
        yield made
    finally:
        made.stop()
        labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: machine() == before, "nothing of the lab is left")


def test_a_profile_moves_between_two_blades_and_its_address_with_it(stack: Bladed) -> None:
    lab = stack.lab
    with netboot.serving_system(lab.name, lab.state_dir, print):
        stack.do("/profiles/db/assign", {"to": "b1"})
        first = wait_until(stack.heard_at, "its address is on the bridge", timeout_s=120)
        assert stack.users() == ["b1"]
        stack.do("/profiles/db/assign", {"to": "b2", "force": True})
        assert stack.users() == ["b2"]
        wait_until(lambda: stack.heard_at() not in ("", first), "it moved", timeout_s=120)
        stack.rack.wait_for("b2", r"address 10\.77\.0\.\d+ on eth0", timeout_s=300)
    blades = [stack.rack.get(name, "EthernetInterfaces/NIC1") for name in ("b1", "b2")]
    assert blades[0]["MACAddress"] == blades[0]["PermanentMACAddress"]
    assert blades[1]["MACAddress"] == stack.mac
    stack.do("/profiles/db/unassign", {"force": True})
    assert stack.users() == []
    for name in ("b1", "b2"):
        card = stack.rack.get(name, "EthernetInterfaces/NIC1")
        assert card["MACAddress"] == card["PermanentMACAddress"]
        assert stack.rack.get(name, "")["Boot"]["BootSourceOverrideEnabled"] == "Disabled"
