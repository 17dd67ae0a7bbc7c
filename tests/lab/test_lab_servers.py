"""Servers die, freeze, are cut off and come back; their BMCs tell and do the same."""

import os
import signal
import time
from pathlib import Path

import pytest

from anypool.errors import Conflict, Invalid
from tests.lab.conftest import Guest, RunningLab, alive, wait_until

pytestmark = pytest.mark.lab

LIBVIRT = "16509"


def answers(lab: RunningLab, server: str) -> bool:
    return lab.virsh(server, "hostname", timeout_s=2).code == 0


def test_a_killed_server_has_no_process_and_no_link(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 1)
    guest.start("h2")
    pids = clean_lab.server("h2").pids
    clean_lab.kill("h2")
    assert not [pid for pid in pids if alive(pid)]
    assert "h2-" not in clean_lab.run(["ip", "-br", "link"]).out
    assert clean_lab.server("h2").power == "off"
    assert clean_lab.processes("h2") == ()
    with pytest.raises(Conflict):
        clean_lab.freeze("h2")
    clean_lab.boot("h2")
    assert clean_lab.virsh("h2", "list", "--name").out.strip() == ""


def test_freeze_stops_every_process_and_thaw_lets_them_go_on(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 1)
    guest.start("h1")
    clean_lab.freeze("h1")
    assert clean_lab.server("h1").frozen
    assert [emulator.state for emulator in clean_lab.processes("h1")] == ["T"]
    last = guest.ticks()[-1]
    assert not answers(clean_lab, "h1")
    assert answers(clean_lab, "h2")
    time.sleep(1.5)
    assert guest.ticks()[-1] == last
    clean_lab.thaw("h1")
    assert not clean_lab.server("h1").frozen
    guest.wait_for_ticks(2)
    assert answers(clean_lab, "h1")


@pytest.mark.parametrize("mode", ["full", "mgmt", f"port:{LIBVIRT}"])
def test_a_partition_silences_libvirt_until_healed(clean_lab: RunningLab, mode: str) -> None:
    clean_lab.partition("h2", mode)
    assert clean_lab.server("h2").partitions == (mode,)
    assert not answers(clean_lab, "h2")
    assert answers(clean_lab, "h1")
    clean_lab.heal("h2")
    assert clean_lab.server("h2").partitions == ()
    wait_until(lambda: answers(clean_lab, "h2"), "h2 answers again")


def test_a_data_partition_cuts_guests_off_but_not_libvirt(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 1)
    guest.start("h2")
    assert pings(clean_lab, guest.address)
    clean_lab.partition("h2", "data")
    assert not pings(clean_lab, guest.address)
    assert answers(clean_lab, "h2")
    clean_lab.heal("h2")
    wait_until(lambda: pings(clean_lab, guest.address), "the guest is heard again")


def test_one_way_partitions(clean_lab: RunningLab) -> None:
    def h1_reaches_h2() -> bool:
        uri = clean_lab.server("h2").libvirt_uri
        return clean_lab.run_on("h1", ["virsh", "-c", uri, "hostname"], timeout_s=2).code == 0

    assert h1_reaches_h2()
    for mode in ("from:h2", f"from:h2:{LIBVIRT}"):
        clean_lab.partition("h1", mode)
        assert not h1_reaches_h2()
        assert answers(clean_lab, "h1")
        assert answers(clean_lab, "h2")
        clean_lab.heal("h1")
        wait_until(h1_reaches_h2, "h1 hears h2 again")


def test_an_unknown_partition_is_refused(lab: RunningLab) -> None:
    for mode in ("nonsense", "port:0", "port:x", "from:h1:99999"):
        with pytest.raises(Invalid):
            lab.partition("h2", mode)


def test_a_killed_daemon_comes_back_and_its_guests_ran_on(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 1)
    guest.start("h1")
    boot_id = guest.says()["boot_id"]
    daemon = next(
        pid
        for pid in clean_lab.server("h1").pids
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"libvirtd")
    )
    os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: not alive(daemon), "the daemon is gone")
    clean_lab.wait_for_libvirt("h1")
    assert guest.name in clean_lab.virsh("h1", "list", "--name").out
    guest.wait_for_ticks(1)
    assert guest.says()["boot_id"] == boot_id


def system_url(lab: RunningLab, server: str) -> str:
    root = lab.server(server).bmc_url
    members = lab.http("GET", f"{root}Systems").json()["Members"]
    assert len(members) == 1
    return root.removesuffix("/redfish/v1/") + str(members[0]["@odata.id"])


def reset(lab: RunningLab, server: str, kind: str) -> None:
    url = f"{system_url(lab, server)}/Actions/ComputerSystem.Reset"
    answer = lab.http("POST", url, json={"ResetType": kind})
    assert answer.status_code == 204, answer.text


def power_state(lab: RunningLab, server: str) -> str:
    return str(lab.http("GET", system_url(lab, server)).json()["PowerState"])


def test_the_bmc_switches_a_server_off_and_on(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 1)
    guest.start("h3")
    assert power_state(clean_lab, "h3") == "On"
    pids = clean_lab.server("h3").pids
    reset(clean_lab, "h3", "ForceOff")
    assert not [pid for pid in pids if alive(pid)]
    assert power_state(clean_lab, "h3") == "Off"
    reset(clean_lab, "h3", "On")
    assert power_state(clean_lab, "h3") == "On"
    clean_lab.wait_for_libvirt("h3")


def test_the_bmc_switches_off_a_frozen_and_cut_off_server(clean_lab: RunningLab) -> None:
    clean_lab.freeze("h3")
    clean_lab.partition("h3", "full")
    reset(clean_lab, "h3", "ForceOff")
    assert clean_lab.server("h3").pids == ()


def test_the_bmc_tells_of_a_server_that_died_by_itself(clean_lab: RunningLab) -> None:
    os.kill(clean_lab.server("h3").pids[0], signal.SIGKILL)
    wait_until(lambda: power_state(clean_lab, "h3") == "Off", "the BMC says Off")


def test_the_bmc_restarts_and_shuts_down(clean_lab: RunningLab) -> None:
    pids = set(clean_lab.server("h3").pids)
    for kind in ("ForceRestart", "GracefulRestart"):
        reset(clean_lab, "h3", kind)
        assert power_state(clean_lab, "h3") == "On"
        assert not pids & set(clean_lab.server("h3").pids)
    reset(clean_lab, "h3", "GracefulShutdown")
    assert power_state(clean_lab, "h3") == "Off"


def test_a_spare_boots_when_its_bmc_says_on(clean_lab: RunningLab) -> None:
    assert power_state(clean_lab, "s1") == "Off"
    reset(clean_lab, "s1", "On")
    clean_lab.wait_for_libvirt("s1")
    assert clean_lab.virsh("s1", "hostname").out.strip() == "s1"


def pings(lab: RunningLab, address: str) -> bool:
    return lab.run(["busybox", "ping", "-c", "1", "-W", "1", address], timeout_s=3).code == 0
