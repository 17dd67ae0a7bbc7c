"""Real hosts with wardens: no start beside a lease, VMs end with it, and it proves a host dead.

The watchdog of the lab's servers is a stand-in: a process outside of each server that ends all
processes in it when it is not fed. The manager takes it for one, by an explicit setting.
"""

import os
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from anypool import lab as labs
from anypool.warden.record import LEASE_PREFIX, Lease
from anypool.warden.sector import Torn
from tests.lab.conftest import Guest, RunningLab, lab_or_skip, wait_until
from tests.lab.full_stack import Stack, all_connected
from tests.lab.oracle import Oracle

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
NEED_ROOT = "wardens stand before a system's libvirt, which needs root"
RULE = {"kind": "ha", "level": "automatic", "silent_s": 6, "cold_s": 0}


class Held(Guest):
    """A guest with a disk on the shared datastore, which no lock of QEMU's protects."""

    def xml(self) -> str:
        vm = ET.fromstring(super().xml())
        folder = Path(self.lab.status().datastore_dir)
        disk_file = folder / f"{self.name}.img"
        if not disk_file.exists():
            disk_file.write_bytes(b"")
            os.truncate(disk_file, 1 << 20)
        devices = vm.find("devices")
        assert devices is not None
        disk = ET.SubElement(devices, "disk", type="file", device="disk")
        ET.SubElement(disk, "driver", name="qemu", type="raw")
        ET.SubElement(disk, "source", file=str(disk_file))
        ET.SubElement(disk, "target", dev="vda", bus="virtio")
        ET.SubElement(disk, "shareable")
        return ET.tostring(vm, encoding="unicode")

    def try_on(self, server: str) -> str:
        """Start it beside everybody, by virsh; return what libvirt says against it."""
        file = self.console.with_suffix(".xml")
        file.write_text(self.xml())
        answer = self.lab.virsh(server, "create", str(file))
        return answer.err if answer.code else ""


def lease(lab: RunningLab, server: str) -> Lease | None:
    path = Path(lab.status().datastore_dir, f"{LEASE_PREFIX}{lab.server(server).uuid}")
    try:
        return Lease.decoded(path.read_bytes())
    except (OSError, Torn):
        return None


def renews(lab: RunningLab, server: str) -> bool:
    first = lease(lab, server)
    return first is not None and bool(
        wait_until(lambda: lease(lab, server) != first, f"{server} renews")
    )


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Three hosts with wardens."""
    if os.geteuid() != 0:
        pytest.skip(NEED_ROOT)
    folder = tmp_path_factory.mktemp("wardens")
    lab = lab_or_skip(f"w{os.getpid()}", folder, spares=0, wardens=True)
    for server in ("h1", "h2", "h3"):
        wait_until(partial(lease, lab, server), f"{server} has a lease")
        wait_until(partial(renews, lab, server), f"{server} renews")
    yield lab
    labs.down(lab.name, folder, print)


@pytest.fixture
def hosts(guarded: RunningLab) -> Iterator[RunningLab]:
    yield guarded
    guarded.repair()


def test_lab_says_that_its_watchdogs_are_no_hardware(hosts: RunningLab) -> None:
    found = lease(hosts, "h1")
    assert found is not None
    assert found.watchdog == "stand-in"
    assert "no hardware" in found.identity
    assert any("no hardware" in limit for limit in hosts.status().limits)


def test_virsh_starts_no_vm_that_another_host_holds(hosts: RunningLab) -> None:
    """And with a hook that skips the lease the same start is let through, and there are two."""
    guest = Held(hosts, 71)
    guest.start("h1")
    assert "host h1 holds it" in guest.try_on("h2")
    assert hosts.running(guest.uuid) == ["h1"]
    hook = Path(hosts.server("h3").log_dir, "etc/hooks/qemu.d/anypool-warden")
    kept = hook.read_text()
    hook.write_text("#!/bin/sh\nexit 0\n")
    try:
        assert guest.try_on("h3") == ""
        assert sorted(hosts.running(guest.uuid)) == ["h1", "h3"]
    finally:
        hook.write_text(kept)
        hosts.virsh("h3", "destroy", guest.name)
    hosts.virsh("h1", "destroy", guest.name)
    assert guest.try_on("h2") == ""
    assert hosts.running(guest.uuid) == ["h2"]
    assert "host h2 holds it" in guest.try_on("h1")


def test_vm_migrates_and_its_record_with_it(hosts: RunningLab) -> None:
    guest = Held(hosts, 73)
    guest.start("h1")
    target = hosts.server("h2")
    moved = hosts.virsh(
        "h1", "migrate", "--live", "--unsafe", guest.name, target.libvirt_uri,
        "--migrateuri", f"tcp://{target.data_address}",
    )  # fmt: skip
    assert moved.code == 0, moved.err
    assert hosts.running(guest.uuid) == ["h2"]
    assert "host h2 holds it" in guest.try_on("h1")
    assert "host h2 holds it" in guest.try_on("h3")


def lose_file(lab: RunningLab, server: str) -> None:
    Path(lab.status().datastore_dir, f"{LEASE_PREFIX}{lab.server(server).uuid}").unlink()


def make_read_only(lab: RunningLab, server: str) -> Callable[[], object]:
    folder = lab.status().datastore_dir
    lab.run_on(server, ["mount", "--bind", folder, folder])
    done = lab.run_on(server, ["mount", "-o", "remount,bind,ro", folder])
    assert done.code == 0, done.err
    return lambda: lab.run_on(server, ["umount", "-l", folder])


def test_hosts_that_lose_their_leases_end_their_vms_within_the_bound(hosts: RunningLab) -> None:
    guests = {"h1": Held(hosts, 74), "h2": Held(hosts, 75)}
    for server, guest in guests.items():
        guest.start(server)
    before = lease(hosts, "h1")
    assert before is not None
    began = time.monotonic()
    lose_file(hosts, "h1")
    mend = make_read_only(hosts, "h2")
    try:
        for guest in guests.values():
            wait_until(partial(_is_gone, hosts, guest), "the VM is ended", timeout_s=60)
        assert time.monotonic() - began <= before.bound_s
        for server in guests:
            assert hosts.server(server).power == "on", "nothing runs there: no reset"
    finally:
        mend()
    first = guests["h1"]
    wait_until(lambda: first.try_on("h3") == "", "it starts elsewhere in time", timeout_s=30)
    for server in guests:
        wait_until(partial(renews, hosts, server), f"{server} has its lease again", timeout_s=30)


def _is_gone(lab: RunningLab, guest: Guest) -> bool:
    return not lab.running(guest.uuid)


def test_vms_of_a_frozen_host_run_elsewhere_once_by_the_proof_of_its_lease(
    hosts: RunningLab, tmp_path: Path
) -> None:
    """No BMC is known, so nothing but the lease proves anything."""
    stack = Stack(hosts, tmp_path)
    stack.written = {"stand_in_watchdogs": True}
    stack.start()
    try:
        stack.fill()
        wait_until(lambda: all_connected(stack), "the manager reaches all hosts", timeout_s=90)
        for server in hosts.status().servers:
            stack.client.delete(f"/hosts/{server.uuid}/bmc")
        body = {"name": "ha", "scope": "pool = default", "rule": RULE}
        stack.client.post("/policies", body)
        with Oracle(stack.consoles) as oracle:
            stack.make("web", "h3", shareable=True)
            stack.wait_for_ticks(oracle, ("web",), more=1)

            def is_guarded() -> bool:
                seen = stack.client.get(f"/vms/{stack.vms['web']}/ha")
                return bool(seen["protection"] == "protected")

            wait_until(is_guarded, "the VM is protected, by its host's lease", timeout_s=90)
            hosts.freeze("h3")
            wait_until(lambda: hosts.server("h3").power == "off", "the stand-in bites")

            def runs_elsewhere() -> bool:
                return stack.place("web") in ("h1", "h2")

            wait_until(runs_elsewhere, "the VM runs elsewhere", timeout_s=120)
            stack.wait_for_ticks(oracle, ("web",), more=2)
            assert not oracle.twice(stack.vms["web"])
            plans = [
                stack.client.get(f"/plans/{one['id']}") for one in stack.client.items("/plans")
            ]
            assert any("stand-in for a watchdog" in str(plan) for plan in plans), plans
    finally:
        stack.close()
