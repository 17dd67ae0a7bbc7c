"""Who brings a VM to a host that lets nobody in: what is written there, what the source gets."""

import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("libvirt")

from anypool.drivers.libvirt.invite import GUESTS, STAY_S, Guest, script_of
from anypool.drivers.libvirt.way import opened
from anypool.hypervisor import build
from anypool.lab import sshd
from anypool.model import Invitation, VmId

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFhN8mNnXkNqU3nq5yHc9oXh2mC2vZl0m0o2d6l7c8X9"


def test_the_target_writes_down_who_may_come_for_how_long_and_to_what(tmp_path: Path) -> None:
    guests = {VmId("vm1"): Guest(KEY, 1000.0 + STAY_S), VmId("vm2"): Guest(KEY, 1060.0)}
    script = script_of(guests, 1000.0).replace("/run/anypool", str(tmp_path))
    for _ in range(2):  # again is the same
        subprocess.run(["sh", "-s"], input=script, text=True, check=True)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text().splitlines()
    assert [line.split()[-1] for line in lines] == ["vm1", "vm2"]
    for line, stays in zip(lines, (STAY_S, 60), strict=True):
        options, _, rest = line.partition(" ssh-ed25519 ")
        assert rest.split()[0] == KEY.split()[1]
        assert options.startswith("restrict,expiry-time=")
        assert options.endswith(',command="virt-ssh-helper qemu:///system"')
        until = datetime.strptime(options.split('"')[1], "%Y%m%d%H%M%S")
        assert abs(until - datetime.now() - timedelta(seconds=stays)) < timedelta(seconds=30)


def test_the_source_believes_nobody_but_whom_it_was_told_of() -> None:
    invited = Invitation(
        url="qemu+libssh://root@10.0.0.21/system", thumbprint=KEY, user="root", secret="a key"
    )
    place = urlsplit(opened(invited, "/pool/anypool-way-vm1-key", "/pool/anypool-way-vm1-host"))
    assert (place.scheme, place.hostname) == ("qemu+libssh", "10.0.0.21")
    assert parse_qs(place.query) == {
        "keyfile": ["/pool/anypool-way-vm1-key"],
        "known_hosts": ["/pool/anypool-way-vm1-host"],
        "known_hosts_verify": ["normal"],
        "sshauth": ["privkey"],
        "no_tty": ["1"],
    }
    assert "a key" not in repr(invited)


def test_images_and_servers_of_the_lab_look_where_guests_are_written() -> None:
    daemon = build._FILES["/etc/ssh/sshd_config.d/anypool.conf"]
    assert f"AuthorizedKeysFile .ssh/authorized_keys {GUESTS}\n" in daemon
    assert sshd.GUESTS == GUESTS
