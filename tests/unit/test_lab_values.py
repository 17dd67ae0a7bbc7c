"""The lab's pure parts: names, addresses, cuts, archives, module order."""

import socket
import subprocess
from pathlib import Path

import pytest

from anypool.errors import Invalid, NotFound
from anypool.lab import LabSpec
from anypool.lab.control import not_up
from anypool.lab.debian_kernel import loading_order
from anypool.lab.initramfs import Archive, build
from anypool.lab.locks import locked
from anypool.lab.network import rules_of
from anypool.lab.places import default_cache_dir, default_state_dir, lab_places
from anypool.lab.records import KeptLab
from anypool.lab.server_etc import write as write_etc


def kept(*, hosts: int = 2, spares: int = 1) -> KeptLab:
    spec = LabSpec(hosts=hosts, spares=spares)
    return KeptLab(
        name=spec.name,
        servers=spec.servers(),
        mode="root",
        accelerator="tcg",
        datastore_uuid="d",
        seed_dir="/nowhere",
    )


def test_hosts_come_before_spares_and_no_address_is_given_twice() -> None:
    servers = LabSpec(hosts=3, spares=2).servers()
    assert [server.name for server in servers] == ["h1", "h2", "h3", "s1", "s2"]
    assert [server.role for server in servers] == ["host"] * 3 + ["spare"] * 2
    addresses = [
        address
        for server in LabSpec(hosts=40, spares=0).servers()
        for address in (server.management_address, server.data_address, server.bmc_address)
    ]
    assert len(set(addresses)) == 120


def test_identities_are_stable_in_a_lab_and_differ_between_labs() -> None:
    one, again, other = (LabSpec(name=name).servers()[0].uuid for name in ("a", "a", "b"))
    assert one == again != other


@pytest.mark.parametrize("name", ["", "-a", "A", "a/b", "..", "a" * 32, "a b", "ä"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        LabSpec(name=name).check()


@pytest.mark.parametrize(("hosts", "spares"), [(0, 1), (1, -1), (40, 1)])
def test_impossible_sizes_are_refused(hosts: int, spares: int) -> None:
    with pytest.raises(Invalid):
        LabSpec(hosts=hosts, spares=spares).check()


def test_a_session_uri_without_root() -> None:
    server = LabSpec().servers()[1]
    assert server.libvirt_uri(rootless=True) == "qemu+tcp://10.77.0.2:16509/session"
    assert server.libvirt_uri(rootless=False) == "qemu+tcp://10.77.0.2:16509/system"


def test_places_follow_the_user_and_never_hide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_state_dir() == Path("/state/anypool/lab")
    assert default_cache_dir() == Path("/home/someone/.cache/anypool/lab")
    with pytest.raises(Invalid):
        lab_places("a", Path("/run/user/1000"))


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        ("full", []),
        ("mgmt", []),
        (
            "port:16509",
            [
                "-A lab-in -p tcp --dport 16509 -j DROP",
                "-A lab-out -p tcp --sport 16509 -j DROP",
            ],
        ),
        (
            "from:h2",
            ["-A lab-in -s 10.77.0.2 -j DROP", "-A lab-in -s 10.78.0.2 -j DROP"],
        ),
        (
            "from:s1:16509",
            [
                "-A lab-in -s 10.77.0.3 -p tcp --sport 16509 -j DROP",
                "-A lab-in -s 10.78.0.3 -p tcp --sport 16509 -j DROP",
            ],
        ),
    ],
)
def test_rules_of_a_cut(cut: str, expected: list[str]) -> None:
    assert rules_of(cut, kept()) == expected


@pytest.mark.parametrize(
    "cut", ["", "all", "port:", "port:0", "port:65536", "port:1 -j ACCEPT", "from:h1:x"]
)
def test_a_cut_that_is_none_is_refused(cut: str) -> None:
    with pytest.raises(Invalid):
        rules_of(cut, kept())


def test_a_cut_from_a_stranger_is_refused() -> None:
    with pytest.raises(NotFound) as refused:
        rules_of("from:h9", kept())
    assert refused.value.hint == "it has h1, h2, s1"


def test_the_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    archive = Archive()
    archive.folder("etc")
    archive.file("etc/odd", b"12345")
    archive.link("etc/link", "odd")
    packed = archive.finish()
    listing = subprocess.run(
        ["busybox", "cpio", "-i"], input=packed, capture_output=True, cwd=tmp_path, check=False
    )
    assert listing.returncode == 0, listing.stderr
    assert (tmp_path / "etc/link").read_bytes() == b"12345"
    assert (tmp_path / "etc/odd").stat().st_mode & 0o777 == 0o755


def test_modules_are_listed_in_loading_order() -> None:
    packed = build(b"busybox", {"init": b"#!/bin/sh"}, {"b.ko": b"B", "a.ko": b"A"})
    assert b"b.ko\na.ko\n" in packed


def test_modules_load_after_what_they_need() -> None:
    modules = {
        "net": b"\0license=GPL\0depends=bus,ring\0",
        "bus": b"\0depends=ring,built_in\0",
        "ring": b"\0depends=\0",
    }
    assert loading_order(modules) == ["ring", "bus", "net"]


def test_the_daemon_user_is_added_once(tmp_path: Path) -> None:
    write_etc(kept(), tmp_path)
    write_etc(kept(), tmp_path)
    users = (tmp_path / "passwd").read_text().splitlines()
    assert len([line for line in users if line.startswith("libvirt-qemu:")]) == 1
    assert "10.77.0.3 s1" in (tmp_path / "hosts").read_text()


def test_a_lock_survives_the_removal_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    with locked(file):
        file.unlink()
    with locked(file):
        assert file.exists()


def test_a_lab_that_is_down_names_those_that_are_up(tmp_path: Path) -> None:
    places = lab_places("default", tmp_path)
    assert not_up(places).hint == "bring it up with `anypool lab up`"
    other = lab_places("quickstart", tmp_path)
    other.directory.mkdir()
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(other.control))
        control.listen()
        assert not_up(places).hint.startswith("`--name quickstart`")
    assert "quickstart" not in not_up(places).hint
