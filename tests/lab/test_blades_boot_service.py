"""Blades that run from the disks of a boot host, by a profile, the whole product in between.

Who may log in is tried with an initiator of our own; who a blade is, it says on its console.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from anypool import lab as labs
from anypool.lab.blades import boothost, disk_system
from anypool.lab.places import default_cache_dir
from anypool.lab.spec import MANAGEMENT_GATEWAY
from tests.lab.conftest import lab_or_skip, machine, wait_until
from tests.lab.full_stack import Stack
from tests.lab.initiator import Initiator
from tests.lab.rack import Rack

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]
TARGET, IP, BOOTS_S = "iqn.2026-11.local.boot:db", "10.77.0.150", 400
READY = r"root ready name (\S+ ip \S+ image \S+ starts \d+)"


class Booted(Stack):
    """A rack of blades with a manager and a boot host in `folder`.

    Blades whose BMC is `proven` to write addresses get those of the profile; `more` is of that.
    """

    blades: tuple[str, ...] = ("b1", "b2")
    proven = False
    more: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, rack: Rack, boot: Path, folder: Path) -> None:
        super().__init__(rack.lab, folder)
        self.rack = rack
        self.boot = boot

    def furnish(self) -> None:
        """Adopt the blades, take the boot host with an image, and make a profile of it."""
        status = self.lab.status()
        password = Path(status.bmc_password_file).read_text().strip()
        for name in self.blades:
            body = {
                "address": self.lab.server(name).bmc_url.split("/")[2],
                "user": status.bmc_user,
                "password": password,
                "fingerprint": status.bmc_fingerprint,
                "name": name,
                "prove": self.proven,
            }
            self.client.post("/servers", body)
        uri = f"boot+unix://{self.boot}/control"
        self.client.post("/endpoints", {"uri": uri, "name": "boot"})
        made = disk_system.ensure(default_cache_dir(), print)
        disk_system.disk(self.boot / "import/disk", "one")
        for name, file in (("kernel", made.kernel), ("initrd", made.initrd)):
            (self.boot / "import" / name).write_bytes(file.read_bytes())
        parts = {"disk.raw": "disk", "kernel": "kernel", "initrd": "initrd"}
        order = {"deed": "add", "parts": parts, "cmdline": disk_system.CMDLINE}
        self.client.post("/boot-hosts/boot/images/tiny", order)
        range_ = {"name": "lan", "kind": "mac", "first": "02:00:00:00:02:00", "count": 8}
        self.client.post("/address-ranges", range_)
        target = {"iqn": TARGET, "address": MANAGEMENT_GATEWAY}
        profile = {"name": "db", "ip": IP, "image": "tiny", "iscsi": [target]}
        self.client.post("/profiles", profile | dict(self.more))

    def sessions(self) -> list[str]:
        """Who is logged in to the profile's target, as tgtd says."""
        targets = self.client.get("/boot-hosts/boot")["targets"]
        return [who for one in targets if one["iqn"] == TARGET for who in one["sessions"]]

    def is_let_in(self, initiator: str) -> bool:
        """Whether somebody who knows no secret may log in to the profile's target."""
        with self.lab.inside():
            asking = Initiator((MANAGEMENT_GATEWAY, 3260), initiator, TARGET)
        try:
            return asking.login()
        finally:
            asking.leave()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    folder = tmp_path_factory.mktemp("booted")
    before = machine()
    lab = lab_or_skip("booted", folder / "labs", hosts=0, spares=0, blades=2, blade_memory_mib=256)
    try:
        with boothost.serving(lab.name, lab.state_dir) as boot:
            made = Booted(Rack(lab, folder), boot, folder)
            made.written = {"observe_every_s": 2.0}
            try:
                made.start()
                made.furnish()
                yield made
            finally:
                made.stop()
    finally:
        labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: machine() == before, "nothing of the lab is left")


def test_a_blade_runs_from_its_profiles_disk_and_so_does_the_next(stack: Booted) -> None:
    stack.do("/profiles/db/assign", {"to": "b1"})
    initiator = stack.client.get("/profiles/db")["initiator"]
    said = stack.rack.wait_for("b1", READY, timeout_s=BOOTS_S)
    assert said == f"db ip {IP} image one starts 1"
    assert set(stack.sessions()) == {f"{initiator} at {IP}"}
    assert not stack.is_let_in("iqn.2026-11.local.other:x")
    assert not stack.is_let_in(initiator), "its name alone is not enough"
    stack.do("/profiles/db/assign", {"to": "b2", "force": True})
    said = stack.rack.wait_for("b2", READY, timeout_s=BOOTS_S)
    assert said == f"db ip {IP} image one starts 2"
    (entry,) = stack.client.get("/boot-hosts/boot")["entries"]
    assert (entry["server"], entry["epoch"], entry["runs"]) == ("b2", 2, 1)
    stack.do("/profiles/db/unassign", {"force": True})
    after = stack.client.get("/boot-hosts/boot")
    assert (after["entries"], after["targets"], after["well"]) == ([], [], True)
    assert not stack.is_let_in(initiator)
