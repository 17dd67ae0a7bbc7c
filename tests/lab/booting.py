"""A lab with a boot host and a manager, set up and taken down again: no test of its own."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from anypool import lab as labs
from anypool.cli.client import Json
from anypool.lab.blades import boothost
from anypool.lab.blades.disk_system import CMDLINE
from anypool.lab.spec import MANAGEMENT_GATEWAY
from tests.lab.conftest import RunningLab, lab_or_skip, machine, wait_until
from tests.lab.full_stack import Stack
from tests.lab.rack import Rack

TARGET, IP, BOOTS_S = "iqn.2026-11.local.boot:db", "10.77.0.150", 400.0
TINY = {name: name for name in ("disk.raw", "kernel", "initrd")}


def adopt(stack: Stack, name: str, *, spare: bool = True, prove: bool = False) -> Json:
    """Adopt a server of the lab by its BMC; return what the API says of it."""
    status = stack.lab.status()
    body = {
        "address": stack.lab.server(name).bmc_url.split("/")[2],
        "user": status.bmc_user,
        "password": Path(status.bmc_password_file).read_text().strip(),
        "fingerprint": status.bmc_fingerprint,
        "name": name,
        "prove": prove,
    }
    made = stack.client.post("/servers", body)
    if spare:
        stack.client.patch(f"/servers/{name}", {"spare": True})
    return made


def take_boot_host(
    stack: Stack, boot: Path, image: str, parts: Mapping[str, str], cmdline: str
) -> None:
    """Add the boot host in a folder, with an image of what lies in its `import`."""
    stack.client.post("/endpoints", {"uri": f"boot+unix://{boot}/control", "name": "boot"})
    order = {"deed": "add", "parts": dict(parts), "cmdline": cmdline}
    stack.client.post(f"/boot-hosts/boot/images/{image}", order)


class Booting(Stack):
    """A manager in a lab, mostly with a boot host, whose folder is `boot`."""

    def __init__(self, lab: RunningLab, folder: Path, boot: Path = Path()) -> None:
        super().__init__(lab, folder)
        self.boot = boot
        self.rack = Rack(lab, folder)

    @staticmethod
    def serving(lab: RunningLab) -> AbstractContextManager[Path]:
        """Run the boot host; yield its folder."""
        return boothost.serving(lab.name, lab.state_dir)

    def furnish(self) -> None:
        """Make what the tests need."""
        raise NotImplementedError


B = TypeVar("B", bound=Booting)


@contextmanager
def booting(kind: type[B], name: str, folder: Path, **made: Any) -> Iterator[B]:
    """Bring up a lab with a boot host and a furnished manager.

    Nothing is left afterwards. `made` is the lab's; `written` among it the manager's settings.
    """
    settings = made.pop("written", {})
    before = machine()
    lab = lab_or_skip(name, folder / "labs", **made)
    try:
        with kind.serving(lab) as boot:
            stack = kind(lab, folder, boot)
            stack.written = settings
            try:
                stack.start()
                stack.furnish()
                yield stack
            finally:
                stack.stop()
    finally:
        labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: machine() == before, "nothing of the lab is left")


class Booted(Booting):
    """A rack of blades, and a profile `db` whose disk is the boot host's.

    Blades whose BMC is `proven` to write addresses get those of the profile; `more` is of that.
    """

    blades: tuple[str, ...] = ("b1", "b2")
    proven = False
    more: Mapping[str, Any] = MappingProxyType({})

    @staticmethod
    def serving(lab: RunningLab) -> AbstractContextManager[Path]:
        """Run the boot host, with a tiny system to import."""
        return boothost.serving_with_image(lab.name, lab.state_dir, print)

    def furnish(self) -> None:
        """Adopt the blades, take the boot host with its image, and make a profile of it."""
        for name in self.blades:
            adopt(self, name, spare=False, prove=self.proven)
        take_boot_host(self, self.boot, "tiny", TINY, CMDLINE)
        range_ = {"name": "lan", "kind": "mac", "first": "02:00:00:00:02:00", "count": 8}
        self.client.post("/address-ranges", range_)
        target = {"iqn": TARGET, "address": MANAGEMENT_GATEWAY}
        profile = {"name": "db", "ip": IP, "image": "tiny", "iscsi": [target]}
        self.client.post("/profiles", profile | dict(self.more))

    def end(self, operation: str) -> Json:
        """Wait until an operation ended that lets an emulated machine boot, and return it."""
        return wait_until(lambda: self.ended(operation), f"{operation} ends", timeout_s=BOOTS_S)

    def sessions(self) -> list[str]:
        """Who is logged in to the profile's target, as tgtd says."""
        targets = self.client.get("/boot-hosts/boot")["targets"]
        return [who for one in targets if one["iqn"] == TARGET for who in one["sessions"]]
