"""A profile comes to a real blade by its BMC, moves to another, and to a spare when one dies."""

import json
from collections.abc import Iterator

import pytest

from anypool import lab as labs
from tests.lab.bladed import NAME, PROBE, Bladed
from tests.lab.conftest import lab_or_skip, machine, wait_until
from tests.lab.rack import PORT, Told, serving

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bladed]:
    folder = tmp_path_factory.mktemp("profiles")
    before = machine()
    lab = lab_or_skip(
        "profiles", folder / "labs", hosts=0, spares=0, blades=2, blade_memory_mib=256
    )
    made = Bladed(lab, folder)
    made.written = {"observe_every_s": 2.0, "failover_silent_s": 5.0, "failover_pause_s": 1.0}
    try:
        made.start()
        made.furnish("b1", "b2")
        yield made
    finally:
        made.stop()
        labs.down(lab.name, lab.state_dir, print)
    wait_until(lambda: machine() == before, "nothing of the lab is left")


def test_a_profile_moves_between_two_blades_and_its_address_with_it(stack: Bladed) -> None:
    """And when the blade that has it dies, its spare answers as the same: name, MAC, address."""
    with stack.booting(), stack.watching() as watching:
        stack.do(f"/profiles/{NAME}/assign", {"to": "b1"})
        first = wait_until(stack.heard_at, "its address is on the bridge", timeout_s=120)
        assert stack.users() == ["b1"]
        stack.do(f"/profiles/{NAME}/assign", {"to": "b2", "force": True})
        assert stack.users() == ["b2"]
        wait_until(lambda: stack.heard_at() not in ("", first), "it moved", timeout_s=120)
        before = wait_until(stack.answer, "it answers", timeout_s=300)
        assert before.split() == [NAME, stack.mac, "10.77.0.50"]
        own = stack.rack.get("b1", "EthernetInterfaces/NIC1")
        assert own["MACAddress"] == own["PermanentMACAddress"]
        stack.client.patch(f"/profiles/{NAME}", {"probe": PROBE, "failover": "automatic"})
        wait_until(lambda: stack.state["state"] == "well", "it is watched", timeout_s=60)
        labs.kill(stack.lab.name, "b2", stack.lab.state_dir)
        wait_until(lambda: stack.users() == ["b1"], "the spare is on as it", timeout_s=90)
        assert wait_until(stack.answer, "the spare answers", timeout_s=300) == before
        wait_until(lambda: stack.owner == "b1", "it is the owner")
        wait_until(lambda: stack.state["state"] == "well", "the plan is over", timeout_s=60)
        assert watching.looks > 100
        assert watching.twice == []


def waits(stack: Bladed, operation: str, words: str) -> bool:
    """Whether an operation says what it waits for, and nothing has moved meanwhile."""
    assert stack.users() in (["b1"], []), "nothing is started without a proof"
    assert stack.owner == "b1"
    return words in json.dumps(stack.operation(operation))


@pytest.mark.parametrize(
    ("mood", "words", "dies"),
    [
        ("silent", "does not answer, or is not trusted", True),
        ("other-certificate", "does not answer, or is not trusted", True),
        ("refusing", "refused", True),
        ("says-off", "still answers", False),
    ],
)
def test_a_bmc_that_does_not_help_starts_nothing_and_the_way_out_works(
    stack: Bladed, mood: str, words: str, dies: bool
) -> None:
    """The way out: unplug it, cancel, say so; or mend the BMC, where the server works."""
    said: list[bytes] = []
    handler = type("Service", (Told,), {"heard": said})
    with serving(stack.rack, handler, PORT), stack.watching() as watching:
        probe = {"kind": "tcp", "address": "10.77.0.254", "port": PORT} if not dies else {}
        stack.client.patch(f"/profiles/{NAME}", {"failover": "manual", "probe": {}})
        if stack.owner != "b1":
            stack.do(f"/profiles/{NAME}/assign", {"to": "b1", "force": True})
        stack.client.patch(f"/profiles/{NAME}", {"probe": probe})
        stack.mood("b1", mood)
        first = stack.post("/servers/b1/fail-over", {})
        wait_until(lambda: waits(stack, first, words), f"it waits: {words}", timeout_s=90)
        stack.client.post(f"/operations/{first}/cancel")
        if dies:
            labs.kill(stack.lab.name, "b1", stack.lab.state_dir)
        stack.end(first)
        if dies:
            stack.do("/servers/b1/fail-over", {"dead": "unplugged"})
            assert stack.users() == ["b2"]
        else:
            assert stack.users() == ["b1"], "the server works, whatever its BMC says"
        stack.mood("b1", "well")
        assert watching.twice == []
    if dies:
        wait_until(lambda: stack.client.get("/servers/b1")["power"] == "off", "it is read again")
        stack.client.post("/servers/b1/restore-addresses")
        card = stack.rack.get("b1", "EthernetInterfaces/NIC1")
        assert card["MACAddress"] == card["PermanentMACAddress"]


def test_at_the_end_each_blade_has_its_own_addresses(stack: Bladed) -> None:
    stack.client.patch(f"/profiles/{NAME}", {"failover": "manual", "probe": {}})
    stack.do(f"/profiles/{NAME}/unassign", {"force": True})
    assert stack.users() == []
    for name in ("b1", "b2"):
        card = stack.rack.get(name, "EthernetInterfaces/NIC1")
        assert card["MACAddress"] == card["PermanentMACAddress"]
        assert stack.rack.get(name, "")["Boot"]["BootSourceOverrideEnabled"] == "Disabled"
