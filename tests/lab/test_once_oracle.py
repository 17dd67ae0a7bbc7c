"""The oracle itself: it must see a VM that runs twice, and must not see one that moves."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.lab.conftest import Guest, RunningLab, wait_until
from tests.lab.full_stack import Scenario
from tests.lab.oracle import Console, Copy, Oracle

pytest_plugins = ["tests.lab.full_stack"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def test_two_copies_are_seen(clean_lab: RunningLab) -> None:
    """Started twice on purpose, on one disk that nothing locks."""
    guest = Guest(clean_lab, 77, options="tick=0.2 dirty=2")
    guest.console = guest.console.with_name(f"{guest.uuid}.log")
    disk = Path(clean_lab.status().image.disk).with_name("twice.raw")  # type: ignore[union-attr]
    disk.write_bytes(bytes(1 << 20))
    described = ET.fromstring(guest.xml())
    devices = described.find("devices")
    assert devices is not None
    element = ET.SubElement(devices, "disk", type="file", device="disk")
    ET.SubElement(element, "driver", name="qemu", type="raw")
    ET.SubElement(element, "source", file=str(disk))
    ET.SubElement(element, "target", dev="vda", bus="virtio")
    ET.SubElement(element, "shareable")
    file = guest.console.with_suffix(".xml")
    file.write_text(ET.tostring(described, encoding="unicode"))
    with Oracle(guest.console.parent) as oracle:
        assert clean_lab.virsh("h1", "create", str(file)).code == 0
        wait_until(lambda: len(oracle.console(guest.uuid).ticks) > 2, "the first copy ticks")
        assert not oracle.twice(guest.uuid)
        assert clean_lab.virsh("h2", "create", str(file)).code == 0
        wait_until(lambda: oracle.twice(guest.uuid), "the CPU times show two copies")
        wait_until(lambda: oracle.console(guest.uuid).boots == 2, "the console shows them")
        wait_until(lambda: oracle.console(guest.uuid).forks(), "the ticks show two copies")
        assert len(oracle.executing(guest.uuid)) == 2
    disk.unlink()


def test_the_console_shows_a_fork() -> None:
    one = "guest ready uuid x\ntick 1 0.1\ntick 2 0.3\ntick 3 0.5\n"
    assert not Console(one).forks()
    assert Console(f"{one}tick 3 0.5\n").forks() == ["tick 3 at 0.5 s after tick 3 at 0.5 s"]
    assert Console(f"{one}tick 5 0.9\n").forks()
    assert not Console(one + one).forks()
    assert Console(one + one).boots == 2


@pytest.mark.parametrize(("flags", "seen"), [(0x40, True), (0x44, False)], ids=["runs", "exits"])
def test_what_a_thread_uses_while_it_exits_is_not_the_guests(
    tmp_path: Path, flags: int, seen: bool
) -> None:
    """The last thread of a process is charged for giving back its memory, milliseconds of it."""
    (tmp_path / "stat").write_text(f"7 (CPU 0/TCG) S 1 7 7 0 -1 {flags} 0 0 0 0 0 0")
    copy = Copy(7, "uuid", (str(tmp_path),))
    for used_ms in (900, 905):
        (tmp_path / "schedstat").write_text(f"{used_ms * 1_000_000} 0 1")
        copy.read()
    assert (copy.first_seen_by is not None) is seen


def test_a_migration_is_not_two_copies(scenario: Scenario) -> None:
    """There and back."""
    for where in (scenario.target, scenario.source):
        operations = scenario.stack.migrate(where)
        assert scenario.ended(operations, where=where) == ["done", "done"]
    scenario.once()
