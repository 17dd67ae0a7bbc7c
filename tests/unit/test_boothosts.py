"""What a boot host says is laid over servers, and judged with each step on a profile."""

import json
import socket
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from anypool.cli.boot_service import _rows, _told
from anypool.drivers.boot.channel import Channel
from anypool.drivers.boot.driver import entry_of
from anypool.engine.observing.boothosts import booted
from anypool.engine.observing.racks import Racks
from anypool.engine.runs.bearing import of_server
from anypool.engine.runs.decision import Act, Done, Fail, Memory, Wait
from anypool.errors import Invalid, OutcomeUnknown, Rejected, Unreachable
from anypool.model import (
    Endpoint,
    EndpointId,
    Frame,
    Inventory,
    Means,
    Power,
    ProfileId,
    ServerAbility,
)
from anypool.model.boothost import BootEntry, BootHost
from anypool.model.profile import IscsiTarget
from anypool.plan import ServerAction, VerifyServer, apply
from anypool.planner.profiles.booting import Amiss, differences
from anypool.planner.profiles.fitness import means_of
from tests.unit.test_bearing import (
    DB,
    FIRST,
    LIAR,
    MAC,
    SECOND,
    TIMES,
    gone,
    judged,
    sight,
    world,
    write,
)  # fmt: skip

BOOT = Endpoint(id=EndpointId("boot1"), driver="boot", uri="boot+unix:///s")
RACK = Endpoint(id=EndpointId("sim"), driver="sim", uri="sim://x")
NETBOOT = frozenset({ServerAbility.POWER, ServerAbility.NETBOOT, ServerAbility.BOOT_HOST})
BOOTS = replace(DB, ip="10.0.0.21", image="web", iscsi=(IscsiTarget(iqn="i:t", address="a"),))


def host(*entries: BootEntry) -> BootHost:
    return BootHost(id=BOOT.id, entries=entries)


def entry(epoch: int = 1, **changes: object) -> BootEntry:
    made = BootEntry(profile=DB.id, epoch=epoch, server=FIRST, name="db", macs=(MAC,), ip="x")
    return replace(made, **changes)


def owned(means: Means = Means.NETBOOT, entered: str = f"{DB.id}@1") -> Inventory:
    """The profile at the first server, which is off, as its boot host tells."""
    inventory = world(abilities=NETBOOT, entered=entered).with_profile(BOOTS)
    return inventory.with_profile(replace(BOOTS, server=FIRST, epoch=1, means=means))


def test_what_a_boot_host_says_is_laid_over_its_pools_servers() -> None:
    racks = Racks({})
    some = world(abilities=NETBOOT - {ServerAbility.BOOT_HOST}).servers.values()
    before = racks.take(RACK, Frame(full=True, servers=tuple(some)))
    assert means_of(BOOTS, before[FIRST]) is None
    after = racks.take(BOOT, Frame(full=True, boot_hosts=(host(entry()),)))
    assert (after[FIRST].entered, after[SECOND].entered) == ("p1@1", "")
    assert means_of(BOOTS, after[FIRST]) is Means.NETBOOT
    assert racks.take(BOOT, Frame(full=True, boot_hosts=(host(entry()),))) is after
    assert racks.take(BOOT, Frame(full=True, boot_hosts=(host(),)))[FIRST].entered == ""
    assert racks.forget(BOOT.id)[FIRST].abilities == before[FIRST].abilities


def test_a_server_boots_with_its_own_mac_or_with_the_profiles() -> None:
    inventory = world()
    own = inventory.servers[FIRST].ports[0].permanent
    assert booted(BOOTS.identity(1, Means.NETBOOT), inventory, FIRST).macs == (own,)
    assert booted(BOOTS.identity(1, Means.ADDRESSES), inventory, FIRST).macs == (MAC,)


def test_a_step_counts_only_once_the_boot_host_shows_it() -> None:
    netboot = replace(write(FIRST), means=Means.NETBOOT)
    for means, action in ((Means.NETBOOT, netboot), (Means.ADDRESSES, write(FIRST))):
        bears = "" if means is Means.NETBOOT else f"{DB.id}@1"
        for entered, done in (("p1@1", True), ("", False), ("p1@0", False)):
            inventory = owned(means, entered)
            there = replace(inventory.servers[FIRST], bears=bears)
            seen = sight(inventory.with_server(there), Power.OFF)
            assert isinstance(judged(action, seen, sent=True), Done) is done
            see = VerifyServer(server=FIRST, profile=DB.id, epoch=1)
            on = sight(inventory.with_server(replace(there, power=Power.ON)), Power.ON)
            assert isinstance(judged(see, on), Done) is done


def test_a_boot_host_that_is_silent_is_waited_for() -> None:
    netboot = replace(write(FIRST), means=Means.NETBOOT)
    some: list[ServerAction] = [netboot, replace(gone(), means=Means.NETBOOT)]
    for action in some:
        seen = replace(sight(owned(), Power.OFF), boots=False)
        waits = judged(action, seen)
        assert isinstance(waits, Wait)
        assert waits.why is not None
        assert waits.why.code == "run.boot-host-silent"


def test_a_profile_leaves_only_when_its_entry_has_gone() -> None:
    leaves = replace(gone(), means=Means.NETBOOT)
    assert isinstance(judged(leaves, sight(owned(), Power.OFF)), Act)
    assert isinstance(judged(leaves, sight(owned(entered=""), Power.OFF)), Done)
    assert isinstance(judged(leaves, sight(owned(), Power.OFF, proven=False)), Wait)


def test_the_disk_is_taken_also_from_a_server_that_somebody_says_is_dead() -> None:
    leaves = gone(means=Means.NETBOOT, stated=replace(LIAR, host=FIRST))
    seen = replace(sight(owned(), Power.UNKNOWN), void=None)
    assert isinstance(judged(leaves, seen), Act)
    assert isinstance(judged(leaves, replace(seen, boots=False)), Wait)
    assert isinstance(judged(leaves, replace(seen, inventory=owned(entered=""))), Done)
    assert isinstance(judged(leaves, sight(owned(), Power.UNKNOWN, proven=False)), Fail)
    assert isinstance(of_server(leaves, seen, (Memory(sent=True), TIMES), acked=True), Act)


def test_every_way_in_which_an_entry_is_wrong_has_its_word() -> None:
    inventory, right = owned(), entry(ip="10.0.0.21", image="web")

    def words(*entries: BootEntry) -> list[Amiss]:
        return [one.what for one in differences(inventory, "default", host(*entries))]

    assert words(right) == []
    assert words() == [Amiss.MISSING]
    assert words(replace(right, image="web:2")) == [Amiss.CHANGED]
    assert words(replace(right, epoch=0)) == [Amiss.STALE]
    assert words(replace(right, server=SECOND)) == [Amiss.STALE]
    assert words(right, entry(profile=ProfileId("p8"))) == [Amiss.STRANGE]
    assert differences(inventory, "other", host()) == ()
    assert differences(apply(gone(), owned(entered="")), "default", host()) == ()


def test_a_profile_without_an_address_cannot_boot_there() -> None:
    with pytest.raises(Rejected, match="--ip"):
        entry_of(FIRST, replace(BOOTS.identity(1), ip="", macs=(MAC,)))
    made = entry_of(FIRST, replace(BOOTS.identity(1), name="DB One", macs=(MAC,)))
    assert made["name"] == "db-one"


@pytest.mark.parametrize(
    "uri",
    [
        "boot+ssh://", "boot+ssh://-oProxyCommand=x", "boot+ssh://a:b@h", "boot+ssh://h/x",
        "boot+unix://host/s", "boot+unix:", "boot+ssh://h:99999",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_boot_host_is_refused(uri: str) -> None:
    with pytest.raises(Invalid):
        Channel(uri)


def test_ssh_asks_no_question_and_takes_no_option_for_a_host() -> None:
    argv = Channel("boot+ssh://root@boot1:2222").argv
    assert argv[-4:] == ["--", "root@boot1", "/usr/local/sbin/anypool-boothost", "ask"]
    assert "BatchMode=yes" in argv
    assert argv[argv.index("-p") + 1] == "2222"


def test_an_answer_that_is_lost_after_a_deed_was_sent_is_an_unknown_outcome(tmp_path: Path) -> None:
    path = f"{tmp_path}/s"
    channel = Channel(f"boot+unix://{path}")
    with pytest.raises(Unreachable):
        channel.ask("enter", 5, deed=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        for answer, deed, error in (
            (b"", True, OutcomeUnknown), (b"{}\n", True, OutcomeUnknown),
            (b"", False, Unreachable), (b"[]\n", False, Unreachable),
            (json.dumps({"error": {"kind": "rejected", "message": "no"}}).encode() + b"\n", True,
             Rejected),
        ):  # fmt: skip
            thread = threading.Thread(target=_once, args=(listening, answer))
            thread.start()
            with pytest.raises(error):
                channel.ask("enter", 5, deed=deed)
            thread.join()


def _once(listening: socket.socket, answer: bytes) -> None:
    with listening.accept()[0] as there:
        there.recv(4096)
        there.sendall(answer)


def test_status_tells_who_is_logged_in_and_what_is_wrong() -> None:
    told = {
        "id": "boot1", "answers": True, "message": "", "dhcp": True, "targets_answer": False,
        "copies": [{"profile": "p", "image": "web:1", "done": 1, "size": 4, "problem": "full"}],
        "problems": ["targets: stuck"], "amiss": [{"what": "stale", "profile": "p", "server": "s"}],
        "entries": [{"ip": "10.0.0.21"}, {"ip": "10.0.0.22"}],
        "targets": [{"iqn": "i:t", "allowed": ["10.0.0.21", "i:i"], "sessions": []}],
    }  # fmt: skip
    assert [one["target"] for one in _rows(told)] == ["i:t: nobody", ""]
    said = "\n".join(_told(told))
    assert "tgtd is NOT there" in said
    assert "full" in said
    assert "stuck" in said
    assert "stale: p at s" in said
