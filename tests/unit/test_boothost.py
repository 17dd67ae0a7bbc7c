"""The boot host's program: who boots as whom, and nobody else; one initiator at a target."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool.boothost import dhcp, keeping, render
from anypool.boothost.control import answered
from anypool.boothost.dhcp import Dhcp
from anypool.boothost.tgt import Exported, Session, parsed
from anypool.boothost.values import Refused, Site, entry_of, site_of
from tests.unit.boothost_kit import PORTAL, SITE, Made, entry, raw

IQN, FIRST = "iqn.2026-11.y:db1", ("iqn.2026-11.x:db1", "10.0.0.21")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    found = Made(tmp_path)
    yield found
    found.host.close()


def test_a_server_that_is_entered_finds_its_address_its_script_and_its_disk(made: Made) -> None:
    made.enter(entry())
    assert made.disk(IQN) == f"{made.folder}/disks/p1/web-1.raw"
    assert made.login(*FIRST)
    hosts = (made.folder / "dhcp-hosts").read_text()
    assert hosts == "02:00:00:00:00:01,10.0.0.21,db1,12h\n"
    assert f"iscsi:10.0.0.5::3260:1:{IQN}" in made.host.script("10.0.0.21")
    assert made.host.script("10.0.0.99") == ""
    (told,) = made.host.state()["entries"]
    assert (told["runs"], told["next"], told["served_at"]) == (1, 1, 100.0)
    assert made.host.state()["problems"] == []


def test_nobody_is_answered_who_is_not_entered(made: Made) -> None:
    config = render.settings(SITE, "/f")
    assert "dhcp-option=tag:ipxe,encap:175,176,1b" in config, "no second DHCP server is waited for"
    assert "dhcp-ignore=tag:!known\n" in config
    assert "dhcp-range=10.0.0.0,static,255.255.255.0,12h\n" in config
    assert "10.0.0.1,10" not in config
    assert "tftp" not in config
    assert "undionly" in render.settings(Site(interface="a", address="10.0.0.5", tftp="/t"), "/f")


def test_a_target_is_open_to_who_knows_its_secret_at_one_address(made: Made) -> None:
    made.enter(entry())
    assert not made.login(FIRST[0], "10.0.0.22")
    assert not made.login(*FIRST, password="guessed")
    assert made.login("iqn.2026-11.x:db2", "10.0.0.21")
    made.host.make()
    assert made.tgtd.targets["1"]["sessions"] == {}, "another name is put out"
    assert made.secret() not in str(made.host.state())
    assert made.tgtd.beside == 0


def test_the_next_epoch_puts_the_one_before_out_before_it_is_let_in(made: Made) -> None:
    """Name and address move with the profile: only the secret tells the two servers apart."""
    made.enter(entry())
    known = made.secret()
    assert f"set password {known}\n" in made.host.script("10.0.0.21")
    assert made.login(*FIRST)
    made.enter(entry(server="s9", epoch=2, macs=["02:00:00:00:00:09"]))
    assert made.tgtd.targets["1"]["sessions"] == {}
    assert not made.login(*FIRST, password=known)
    assert made.login(*FIRST)
    assert made.tgtd.beside == 0
    assert set(made.tgtd.accounts) == {"p1-2"}
    with pytest.raises(Refused, match="later than p1@1"):
        made.host.enter(entry())
    with pytest.raises(Refused, match="another server"):
        made.host.enter(entry(server="s8", epoch=2))


def test_nobody_is_let_in_while_somebody_cannot_be_put_out(made: Made) -> None:
    made.enter(entry())
    assert made.login(*FIRST)
    made.tgtd.sticky = True
    with pytest.raises(Refused, match="as it is to be"):
        made.host.enter(entry(server="s9", epoch=2))
    assert (made.tgtd.most_in, made.tgtd.beside) == (1, 0)
    assert made.host.state()["entries"][0]["server"] == "s1"


def test_who_left_is_answered_no_more_and_has_no_target(made: Made) -> None:
    made.enter(entry())
    made.login(*FIRST)
    made.host.leave("p1", "s9")
    assert made.tgtd.targets
    made.host.leave("p1", "s1")
    made.host.leave("p1", "s1")
    assert made.tgtd.targets == {}
    assert (made.folder / "dhcp-hosts").read_text() == ""
    assert made.host.script("10.0.0.21") == ""


def test_a_deed_that_cannot_be_done_leaves_all_as_it_was(made: Made) -> None:
    made.enter(entry())
    made.tgtd.silent = True
    with pytest.raises(Refused, match="tgtd does not answer"):
        made.host.leave("p1", "s1")
    with pytest.raises(Refused, match="tgtd does not answer"):
        made.host.enter(entry(2))
    made.tgtd.silent = False
    made.dhcp.fails = True
    with pytest.raises(Refused, match="dnsmasq"):
        made.host.enter(entry(2))
    made.dhcp.fails = False
    made.host.make()
    assert [one["profile"] for one in made.host.state()["entries"]] == ["p1"]
    assert [one["iqn"] for one in made.tgtd.targets.values()] == [IQN]


@pytest.mark.parametrize(
    "same",
    [
        {"server": "s1"},
        {"macs": ["02:00:00:00:00:01"]},
        {"ip": "10.0.0.21"},
        {"initiator": "iqn.2026-11.x:db1"},
        {"targets": [{"iqn": IQN, **PORTAL}]},
        {"name": "db1"},
    ],
)
def test_nothing_is_given_to_two(made: Made, same: dict[str, Any]) -> None:
    made.enter(entry())
    with pytest.raises(Refused, match=r"is of db1"):
        made.host.enter(entry(2, **same))


def test_another_version_is_taken_at_the_next_start_and_so_is_the_way_back(made: Made) -> None:
    made.enter(entry())
    made.host.script("10.0.0.21")
    made.login(*FIRST)
    made.add("web", b"2")
    made.host.images.choose("web", 2)
    made.host.make()
    assert made.disk(IQN).endswith("web-1.raw")
    assert made.tgtd.targets["1"]["sessions"]
    assert "sleep" in made.host.script("10.0.0.21")
    made.host.images._crew.submit(int).result(10)
    assert "sanboot" in made.host.script("10.0.0.21")
    assert made.disk(IQN).endswith("web-2.raw")
    Path(made.disk(IQN)).write_bytes(b"mine")
    made.host.images.choose("web", 1)
    made.host.script("10.0.0.21")
    assert made.disk(IQN).endswith("web-1.raw")
    made.host.images.choose("web", 2)
    made.host.script("10.0.0.21")
    assert Path(made.disk(IQN)).read_bytes() == b"mine"


def test_all_is_known_again_after_a_start(made: Made) -> None:
    made.enter(entry())
    made.host.script("10.0.0.21")
    made.add("web", b"2")
    made.host.images.choose("web", 2)
    made.tgtd.targets.clear()
    known = made.secret()
    host = made.again()
    host.make()
    assert made.login(*FIRST, password=known)
    made.tgtd.targets["1"]["sessions"].clear()
    assert made.disk(IQN).endswith("web-1.raw")
    (told,) = host.state()["entries"]
    assert (told["runs"], told["next"]) == (1, 2)


def test_a_disk_is_captured_only_while_nobody_is_logged_in(made: Made) -> None:
    made.enter(entry())
    Path(made.disk(IQN)).write_bytes(b"captured")
    made.login(*FIRST)
    with pytest.raises(Refused, match="logged in"):
        made.host.capture("p1", "gold")
    made.tgtd.targets["1"]["sessions"].clear()
    assert made.host.capture("p1", "gold") == 1
    assert (made.folder / "images/gold/1/disk.raw").read_bytes() == b"captured"
    with pytest.raises(Refused, match="has no disk"):
        made.host.capture("p9", "gold")


def test_what_a_server_wrote_to_meanwhile_is_no_image(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.enter(entry())

    def slow(source: str, target: str, told: object) -> None:
        made.host.script("10.0.0.21")

    monkeypatch.setattr("anypool.boothost.images.copied", slow)
    with pytest.raises(Refused, match="started meanwhile"):
        made.host.capture("p1", "gold")
    assert made.host.images.versions("gold") == []
    assert sorted(os.listdir(made.folder / "images/gold")) == ["given", "last"]


def test_an_image_with_a_kernel_is_served_to_those_who_boot_it(made: Made) -> None:
    made.enter(entry(image="ram", targets=[]))
    said = made.host.script("10.0.0.21")
    assert "kernel http://10.0.0.5:8480/images/ram/1/kernel quiet name=db1\n" in said
    assert made.host.file("10.0.0.21", "ram", "1", "kernel").endswith("ram/1/kernel")
    assert made.host.file("10.0.0.22", "ram", "1", "kernel") == ""
    for name, version, part in (("web", "1", "kernel"), ("ram", "1", "image.json"),
                                ("ram", "..", "kernel"), ("..", "1", "kernel")):  # fmt: skip
        assert made.host.file("10.0.0.21", name, version, part) == ""


def test_numbers_of_versions_are_given_once_and_the_current_one_stays(made: Made) -> None:
    images = made.host.images
    assert made.add("web", b"2") == 2
    images.forget("web", 2)
    assert made.add("web", b"2") == 3
    with pytest.raises(Refused, match="current"):
        images.forget("web", 1)
    with pytest.raises(Refused, match="there is no web:2"):
        images.choose("web", 2)
    for file in ("../entries", "/etc/passwd", "gone"):
        with pytest.raises(Refused, match="import folder"):
            images.add("web", {"disk.raw": file}, "")


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "db1\ndhcp-host=x"},
        {"name": "Db_1"},
        {"macs": []},
        {"macs": ["02:00:00:00:00:01,ignore"]},
        {"ip": "10.0.0.300"},
        {"ip": "10.0.0.1,x"},
        {"initiator": "iqn.2026-11.x:a b"},
        {"targets": [{"iqn": IQN, "address": "10.0.0.5", "lun": -1}]},
        {"targets": [{"iqn": IQN, "address": "10.0.0.5", "port": True}]},
        {"initiator": ""},
        {"image": "../etc"},
        {"script": "http://a/\nshell"},
        {"epoch": 0},
        {"profile": "../p"},
        {"strange": 1},
    ],
)
def test_what_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        entry_of(raw(**bad))


def test_a_site_makes_sense() -> None:
    for bad in ({"interface": "a b"}, {"prefix": 31}, {"port": 0}, {"tftp": "/a b"}, {"copies": 0}):
        with pytest.raises(Refused):
            site_of({"interface": "lan0", "address": "10.0.0.5", **bad})


def test_a_target_without_a_disk_to_it_is_refused(made: Made) -> None:
    with pytest.raises(Refused, match="has no disk"):
        made.host.enter(entry(image=""))
    with pytest.raises(Refused, match="no target to reach it"):
        made.host.enter(entry(targets=[]))
    with pytest.raises(Refused, match="there is no image other here"):
        made.host.enter(entry(image="other"))


def test_sessions_are_read_with_all_their_connections() -> None:
    text = (
        "Target 3: iqn.2026-11.y:a\n    I_T nexus information:\n        I_T nexus: 2\n"
        "            Initiator: iqn.2026-11.x:a alias: h\n            Connection: 0\n"
        "                IP Address: 10.0.0.7\n            Connection: 1\n"
        "                IP Address: 10.0.0.8\n    LUN information:\n        LUN: 1\n"
        "            Backing store path: /d\n    Account information:\n        p-1\n"
        "    ACL information:\n        ALL\n"
    )
    sessions = (
        Session(2, "iqn.2026-11.x:a", 0, "10.0.0.7"),
        Session(2, "iqn.2026-11.x:a", 1, "10.0.0.8"),
    )
    assert parsed(text) == (
        Exported(
            3, "iqn.2026-11.y:a", ((1, "/d"),), frozenset({"ALL"}), frozenset({"p-1"}), sessions
        ),
    )


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_cannot_be_written_is_not_in_force(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.enter(entry())
    with monkeypatch.context() as patch:
        patch.setattr(keeping, "put_json", full)
        for wanted in (entry(2), entry(epoch=2)):
            with pytest.raises(OSError, match="No space"):
                made.host.enter(wanted)
            made.host.make()
            (told,) = made.host.state()["entries"]
            assert (told["profile"], told["epoch"]) == ("p1", 1)
            assert [one["iqn"] for one in made.tgtd.targets.values()] == [IQN]
    assert made.login(*FIRST)
    assert [one["epoch"] for one in made.again().state()["entries"]] == [1]


def test_a_full_disk_ends_neither_the_program_nor_dhcp(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.enter(entry())
    ends: list[None] = []
    monkeypatch.setattr(made.dhcp, "stop", lambda: ends.append(None))
    with monkeypatch.context() as patch:
        patch.setattr(dhcp, "put", full)
        made.dhcp._told = "somebody else"
        made.host.make()
        assert made.host.state()["problems"] == [], "all is written already"
        assert made.dhcp.starts == 2
        ends.clear()
        with pytest.raises(Refused, match=r"dhcp: .*No space"):
            made.host.enter(entry(2))
        made.host.make()
        assert ends == []
        assert [one["profile"] for one in made.host.state()["entries"]] == ["p1"]
    made.enter(entry(2))
    assert made.dhcp.starts == 3


def test_what_was_lent_to_others_is_forgotten(tmp_path: Path) -> None:
    mine, other = "9 02:00:00:00:00:01 10.0.0.21 db1 *", "9 02:00:00:00:00:07 10.0.0.21 x *"
    (tmp_path / "leases").write_text(f"{mine}\n{other}\n")
    Dhcp(SITE, str(tmp_path))._prune((entry(),))
    assert (tmp_path / "leases").read_text() == f"{mine}\n"


NONSENSE = (
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b'{"ask": "enter"}',
    b'{"ask": "leave"}',
    b'{"ask": "add-image", "name": "a:1"}',
    b'{"ask": "choose-image", "name": "web", "version": "1"}',
)


@pytest.mark.parametrize("line", NONSENSE)
def test_what_cannot_be_asked_is_answered_so(made: Made, line: bytes) -> None:
    assert "message" in answered(made.host, line)["error"]
