"""A service moves from a blade to a VM on a hypervisor and back, seen from a client that asks on.

Both boot the same disk of the same boot host: it counts its starts. Who uses the address is read
from the processes of the lab.
"""

import re
import threading
from collections.abc import Iterator
from types import MappingProxyType

import pytest

from tests.lab.bladed import Watching, fetched
from tests.lab.booting import BOOTS_S, IP, Booted, booting
from tests.lab.conftest import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]
URL = f"http://{IP}/eth0"


class Moving(Booted):
    """A blade, a hypervisor and a boot host on one network, and the service `shop/web`."""

    blades = ("b1",)
    proven = True
    more = MappingProxyType({"nics": [[]], "boot": ["network"]})

    def furnish(self) -> None:
        """Lay a cable between the two networks of the lab, so that both hear the boot host."""
        for words in (
            "ip link add cable0 type veth peer name cable1",
            "ip link set cable0 master mgmt up",
            "ip link set cable1 master data up",
            "sysctl -qw net.ipv4.conf.all.arp_ignore=1",
        ):
            answer = self.lab.run(words.split())
            assert answer.code == 0, answer.err
        super().furnish()
        self.client.patch("/servers/b1", {"spare": True})
        self.client.post("/endpoints", {"uri": self.lab.server("h1").libvirt_uri, "name": "h1"})
        probe = {"kind": "http", "address": IP, "port": 80, "path": "/eth0", "interval_s": 1.0}
        web = {
            "name": "web",
            "profile": "db",
            "memory_mib": 256,
            "probe": probe,
            "ready": {"when": "probe", "timeout_s": BOOTS_S},
        }
        self.client.post("/services", {"name": "shop", "components": [web]})

    @property
    def mac(self) -> str:
        (port,) = self.client.get("/profiles/db")["ports"]
        return str(port["address"])

    @property
    def place(self) -> tuple[str, str]:
        """What the service says of its only member: where it is, and whether it runs."""
        (member,) = self.client.get("/services/shop")["members"]
        return member["place"], member["state"]


class Client:
    """Asks the service over and over; `heard` is every answer that differs from the last."""

    def __init__(self, stack: Moving) -> None:
        self._stack = stack
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.heard: list[str] = []

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        with self._stack.lab.inside():
            while not self._ended.wait(0.2):
                said = fetched(URL)
                if said and self.heard[-1:] != [said]:
                    self.heard.append(said)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    folder = tmp_path_factory.mktemp("moving")
    made = {"hosts": 1, "spares": 0, "blades": 1, "blade_memory_mib": 256}
    with booting(Moving, "moving", folder, written={"observe_every_s": 2.0}, **made) as stack:
        yield stack


def test_a_service_is_the_same_on_a_blade_and_as_a_vm(stack: Moving) -> None:
    with Client(stack) as client, Watching(stack.lab, stack.mac) as watching:
        stack.do("/services/shop/start")
        assert stack.place == ("b1", "running")
        stack.do("/services/shop/move", {"component": "web", "to": "vm", "force": True})
        assert stack.place == ("h1", "running")
        assert re.findall(r"\bdb\b", stack.lab.virsh("h1", "list", "--name").out) == ["db"]
        assert stack.rack.power("b1") == "Off"
        stack.do("/services/shop/move", {"component": "web", "to": "server", "force": True})
        assert stack.place == ("b1", "running")
        assert stack.lab.virsh("h1", "list", "--all", "--name").out.split() == []
        wait_until(lambda: len(client.heard) == 3, "the client is answered again", timeout_s=30)
    assert client.heard == [
        f"db {stack.mac} {IP} image tiny starts {starts}" for starts in (1, 2, 3)
    ]
    assert watching.looks > 100
    assert watching.twice == []
