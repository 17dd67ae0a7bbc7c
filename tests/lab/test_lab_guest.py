"""The lab's guest: boots, tells who it is, dirties memory, obeys the power button, migrates."""

import re

import pytest

from anypool import lab as labs
from tests.lab.conftest import Guest, RunningLab, wait_until

pytestmark = pytest.mark.lab


def test_a_guest_says_who_it_is(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 7)
    guest.start("h1")
    says = guest.says()
    assert says["uuid"] == guest.uuid
    assert says["address"] == guest.address
    assert says["cpus"] == 1
    assert says["uptime_s"] > 0
    assert says["tick"] in (guest.ticks()[-1], guest.ticks()[-1] - 1)
    assert clean_lab.running(guest.uuid) == ["h1"]


def test_the_power_button_shuts_a_guest_down(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 8)
    guest.start("h1")
    assert clean_lab.virsh("h1", "shutdown", guest.name).code == 0
    wait_until(lambda: clean_lab.processes("h1") == (), "the guest is down")
    assert "power button" in guest.console.read_text()


def test_a_guest_migrates_and_goes_on_ticking(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 9)
    guest.start("h1")
    boot_id = guest.says()["boot_id"]
    answer = clean_lab.virsh(
        "h1", "migrate", "--live", "--unsafe", "--p2p", guest.name,
        clean_lab.server("h2").libvirt_uri,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert clean_lab.running(guest.uuid) == ["h2"]
    guest.wait_for_ticks(3)
    ticks = guest.ticks()
    assert ticks == list(range(1, len(ticks) + 1))
    assert guest.says()["boot_id"] == boot_id


def test_a_guest_dirties_memory_at_the_wanted_rate(clean_lab: RunningLab) -> None:
    guest = Guest(clean_lab, 10, options="dirty=20")
    guest.start("h1")
    said = wait_until(
        lambda: re.search(r"^dirty (\d+) MB/s", guest.console.read_text(), re.MULTILINE),
        "the guest tells its rate",
        timeout_s=40,
    )
    assert 15 <= int(said[1]) <= 21
    clean_lab.virsh("h1", "domdirtyrate-calc", guest.name, "--seconds", "1")
    seen = wait_until(
        lambda: re.search(
            r"calc_status=2[^$]*megabytes_per_second=(\d+)",
            clean_lab.virsh("h1", "domstats", "--dirtyrate", guest.name).out,
        ),
        "the hypervisor measures the rate",
    )
    assert int(seen[1]) >= 8


def test_the_accelerator_was_chosen_by_a_boot(lab: RunningLab) -> None:
    chosen = lab.status().accelerator
    assert isinstance(chosen, labs.AcceleratorChoice)
    assert f"a guest booted with {chosen.accelerator.upper()}" in chosen.reason
