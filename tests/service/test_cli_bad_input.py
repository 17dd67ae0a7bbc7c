"""Bad input, end to end: the command line against a manager process, word by word."""

import json
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from anypool.cli import child
from anypool.settings import Settings
from tests.service.manager_kit import until
from tests.service.mounted import before
from tests.service.process_kit import ANYPOOL, PATIENCE_S, Said, Served, ended, served

SIM = "sim://demo?hosts=3&vms=6&seed=1"
NOUNS = ("endpoints", "hosts", "vms", "images", "volumes", "datastores", "users")
NAMES = "use 1 to 63 letters, digits, dots, dashes and underscores; begin with a letter or digit"
NO_LIBVIRT = "such as qemu:///system, qemu+tls://HOST/system or qemu+ssh://USER@HOST/system"
IN_VAIN = "is the host up, does libvirtd listen there, and is the name right?"


@pytest.fixture(scope="module")
def anypool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A pool of three hosts and six VMs, with an image."""
    with served(tmp_path_factory.mktemp("bad") / "state") as one:
        assert one("host", "add", SIM, "--name", "demo").code == 0
        words = ("--datastore", "shared1", "--volume", "base.qcow2")
        added = one("image", "add", "base", *words)
        assert added.code == 0, added.err
        assert "8 GiB" in added.out
        yield one


@pytest.fixture
def untouched(anypool: Served) -> Iterator[None]:
    """All that the manager and its database know is as before."""
    was = everything(anypool)
    yield
    assert everything(anypool) == was


def everything(anypool: Served) -> dict[str, Any]:
    known: dict[str, Any] = {noun: identities(anypool, noun) for noun in NOUNS}
    file = Path(anypool.manager.settings.state_dir) / "anypool.db"
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        for table in ("endpoints", "secrets", "images", "host_facts", "plans", "runs"):
            known[f"table {table}"] = database.execute(f"select count(*) from {table}").fetchone()
    return known


def identities(anypool: Served, noun: str) -> list[str]:
    return sorted(str(row.get("id") or row["name"]) for row in anypool.rows(noun))


def golden(said: Said, code: int, message: str, hint: str) -> None:
    """One line says what is wrong, one what to do; nothing else is printed."""
    assert said == Said(code, "", f"anypool: {message}\nhint: {hint}\n")


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("uri", "code", "message", "hint"),
    [
        (
            "h1", 2, "'h1' does not say how to speak to it",
            "for a libvirt host write qemu+ssh://root@h1/system or qemu+tls://h1/system",
        ),
        (
            "ftp://h1", 2, "no driver speaks 'ftp'",
            "known are qemu://, qemu+ssh://, qemu+tls://, qemu+tcp://, sim://",
        ),
        ("qemu+foo://h1/system", 2, "no driver speaks 'qemu+foo'", "did you mean qemu://?"),
        (
            "sim://h1?hosts=many", 2,
            "wrong option of a simulated pool: Expected `int`, got `str` - at `$.hosts`",
            "such as sim://demo?hosts=40&vms=200&seed=1",
        ),
        (
            "sim://locked?hosts=1&password=right", 2,
            "sim://locked?hosts=1&password=right refused us: wrong password",
            "give the one in the address",
        ),
        (
            SIM, 5, f"{SIM} is managed already, as demo",
            "to add it anew, remove that endpoint first",
        ),
        (
            "sim://demo/h2", 5, "host h2 is managed already, through endpoint demo",
            "remove that endpoint first",
        ),
    ],
)  # fmt: skip
def test_hosts_that_cannot_be_added(
    anypool: Served, uri: str, code: int, message: str, hint: str
) -> None:
    golden(anypool("host", "add", uri), code, message, hint)
    status = {2: 422, 5: 409}[code]
    found = anypool.refused("POST", "/endpoints", {"uri": uri}, status)
    assert (found["detail"], found["hint"]) == (message, hint)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where somebody takes the call and never says a word, as a frozen libvirtd does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.usefixtures("untouched")
def test_hosts_that_cannot_be_reached(anypool: Served) -> None:
    pytest.importorskip("libvirt")
    refused = "127.0.0.1 does not answer on port 1: Connection refused"
    golden(anypool("host", "add", "qemu+tcp://127.0.0.1:1/system"), 7, refused, IN_VAIN)
    unknown = "the name nowhere.invalid is not known"
    spelling = "check the spelling, or use the host's address"
    golden(anypool("host", "add", "qemu+tls://nowhere.invalid/system"), 7, unknown, spelling)
    wrong = anypool("host", "add", "test:///nothing/there")
    assert (wrong.code, wrong.err.splitlines()[1:]) == (2, [f"hint: {NO_LIBVIRT}"])
    body = {"uri": "qemu+tcp://127.0.0.1:1/system"}
    assert anypool.refused("POST", "/endpoints", body, 503)["detail"] == refused


@pytest.mark.usefixtures("untouched")
def test_a_host_that_takes_the_call_and_says_nothing(anypool: Served, silent: int) -> None:
    pytest.importorskip("libvirt")
    uri = f"qemu+tcp://127.0.0.1:{silent}/system"
    found = anypool.request("POST", "/endpoints", {"uri": uri})
    assert found.status_code == 503
    assert found.elapsed.total_seconds() < 17
    assert found.json()["detail"] == f"info: {uri} gave no answer within 15 s"
    assert "hangs" in found.json()["hint"]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (
            "vm create vm1 --image base", 5, "there is a VM called vm1 already",
            "choose another name",
        ),
        (
            "vm create x --image gone", 3, "there is no image 'gone'",
            "`anypool image list` shows them",
        ),
        (
            "vm create x --image base --network net1 --datastore gone", 3,
            "there is no datastore 'gone'", "`anypool datastore list` shows them",
        ),
        (
            "vm create x --image base --network gone", 3, "there is no network 'gone'",
            "`anypool network list` shows them",
        ),
        (
            "vm create x --image base --network net1 --host gone", 3, "there is no host 'gone'",
            "`anypool host list` shows them",
        ),
        ("vm create a<b> --image base", 2, "'a<b>' is not a name for a VM", NAMES),
        ("vm create a;reboot --image base", 2, "'a;reboot' is not a name for a VM", NAMES),
        ("vm create $(reboot) --image base", 2, "'$(reboot)' is not a name for a VM", NAMES),
        ("vm create ../a --image base", 2, "'../a' is not a name for a VM", NAMES),
        ("vm delete vm1 -y", 5, "vm1 is running", "shut it down first"),
        ("vm rename vm1 other", 5, "vm1 is running", "shut it down first"),
        ("vm stop vm4", 5, "vm4 is stopped", "start it first"),
        ("vm snapshot revert vm1 gone -y", 3, "vm1 has no snapshot 'gone'", "it has none"),
        ("vm disk remove vm1 vdz -y", 3, "vm1 has no disk 'vdz'", "it has vda"),
        ("host reserve h1 70GiB", 2, "h1 cannot keep 70 GiB from VMs", "h1 has 64 GiB in all"),
        (
            "host reserve h2 63GiB", 5, "the VMs on h2 leave 61 GiB of its memory",
            "reserve at most that, or move or stop VMs first",
        ),
        ("host show gone", 3, "there is no host 'gone'", "`anypool host list` shows them"),
        (
            "image add two --datastore shared1 --volume gone.qcow2", 3,
            "there is no volume gone.qcow2 on shared1",
            "put the file there first; `anypool volume list` shows what is known",
        ),
        (
            "image add two --datastore shared1 --volume base.qcow2 --size 1GiB", 2,
            "the volume base.qcow2 is larger than the image",
            "it has 8 GiB; leave the size out to take that",
        ),
        ("token revoke gone -y", 3, "there is no token 'gone'", "`anypool token list` shows them"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(
    anypool: Served, words: str, code: int, message: str, hint: str
) -> None:
    golden(anypool(*words.split()), code, message, hint)


@pytest.mark.usefixtures("untouched")
def test_not_enough_memory_anywhere(anypool: Served) -> None:
    words = ("vm", "create", "big", "--image", "base", "--network", "net1", "--memory", "900GiB")
    said = anypool(*words)
    lines = said.err.splitlines()
    assert (said.code, said.out) == (6, "")
    assert lines[0].startswith("anypool: no host can take big: h1: memory 838 GiB short")
    assert lines[1:] == [
        "  h1  memory 838 GiB short: needs 900 GiB, 62 GiB free",
        "  h2  memory 839 GiB short: needs 900 GiB, 61 GiB free",
        "  h3  memory 837 GiB short: needs 900 GiB, 63 GiB free",
        "hint: free memory, add a host or ask for less",
    ]
    body = {"name": "big", "image": "base", "networks": ["net1"], "memory": "900GiB"}
    assert set(anypool.refused("POST", "/vms", body, 409)["refusals"]) == {"h1", "h2", "h3"}


def test_an_evacuation_with_nowhere_to_go(anypool: Served) -> None:
    most = {"h1": "62GiB", "h2": "61GiB", "h3": "63GiB"}
    for name, size in most.items():
        assert anypool("host", "reserve", name, size).code == 0
    was = everything(anypool)
    said = anypool("host", "evacuate", "h1")
    assert said == Said(
        6,
        "",
        "anypool: h1 cannot be emptied: no place for vm3\n"
        "  vm3 on h2  memory 2 GiB short: needs 2 GiB, 0 B free\n"
        "  vm3 on h3  memory 2 GiB short: needs 2 GiB, 0 B free\n"
        "hint: stop these VMs, free memory elsewhere or add a host\n",
    )
    assert everything(anypool) == was
    for name in most:
        assert anypool("host", "reserve", name, "0").code == 0


def test_two_that_want_one_name_at_the_same_moment(anypool: Served) -> None:
    words = ("vm", "create", "twin", "--image", "base", "--network", "net1", "-w")
    both = [ended(one) for one in [anypool.start(*words) for _ in range(2)]]
    assert sorted(said.code for said in both) == [0, 5], both
    loser = next(said for said in both if said.code)
    golden(loser, 5, "there is a VM called twin already", "choose another name")
    twins = [vm for vm in anypool.rows("vms") if vm["name"] == "twin"]
    assert len(twins) == 1
    (own,) = [disk["volume"] for disk in twins[0]["disks"]]
    until(lambda: volumes(anypool, "twin") == [own], "there is one volume of that name")
    assert anypool("vm", "stop", "twin", "--force", "-w", "-y").code == 0
    assert anypool("vm", "delete", "twin", "--volumes", "-w", "-y").code == 0


def volumes(anypool: Served, start: str) -> list[str]:
    return [one["name"] for one in anypool.rows("volumes") if one["name"].startswith(start)]


def test_texts_show_the_name_of_a_vm_that_is_gone(anypool: Served) -> None:
    words = ("vm", "create", "brief", "--image", "base", "--network", "net1", "--stopped")
    assert anypool(*words, "-w").code == 0
    deleted = anypool("vm", "delete", "brief", "--volumes", "-w", "-y")
    assert "delete brief and its volumes on h" in deleted.err
    last = anypool.rows("operations", limit="1")[0]["id"]
    assert "delete brief and its volumes on h" in anypool("operation", "show", last).out
    events = [event["message"] for event in anypool.rows("events", limit="10")]
    assert any("delete brief and its volumes on h" in message for message in events), events


def test_a_change_of_people_leaves_an_event_without_a_secret(anypool: Served) -> None:
    assert anypool("user", "add", "olga", "--role", "operator", "--no-password").code == 0
    made = anypool("token", "create", "for-ci", "-o", "json")
    token = json.loads(made.out)
    assert anypool("user", "remove", "olga", "-y").code == 0
    found = anypool.rows("events", limit="20")
    kinds = {event["kind"]: event for event in found}
    assert {"user.added", "token.added", "user.removed"} <= set(kinds)
    assert kinds["user.added"]["message"] == "user olga added, operator"
    assert {kinds[kind]["by"] for kind in ("user.added", "token.added")} == {"admin"}
    assert token["secret"] not in str(found)


def test_endpoints_by_state(anypool: Served) -> None:
    assert anypool("endpoint", "list", "-f", "state = connected", "-o", "name").out == "demo\n"
    assert anypool("endpoint", "list", "-f", "state = unreachable", "-o", "name").out == ""
    wrong = anypool("endpoint", "list", "-f", "colour = red")
    assert wrong.err.startswith("anypool: an endpoint has no field 'colour'")


def serve(state: Path, *start: str) -> Said:
    """Try to start a manager that cannot."""
    words = [*start, *ANYPOOL, "serve", "--listen", "127.0.0.1:0", "--state", str(state)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that a manager has used."""
    folder = tmp_path_factory.mktemp("used") / "state"
    with served(folder) as one:
        assert one("host", "add", SIM, "--name", "demo").code == 0
    return folder


@pytest.fixture
def state(used: Path, tmp_path: Path) -> Path:
    """Such a folder of one's own."""
    return Path(shutil.copytree(used, tmp_path / "state"))


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def test_a_database_that_another_process_locks(state: Path) -> None:
    file = state / "anypool.db"
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("begin exclusive")
        golden(
            serve(state), 10, f"the database {file} is locked (database is locked)",
            "another process is writing for too long; stop it or try again",
        )  # fmt: skip
        other.execute("rollback")
    other.close()
    known = Settings(state_dir=str(state), listen_port=0)
    with child.manager(known):
        pass  # the lock was the only trouble


@pytest.fixture
def small_mounts() -> None:
    """Skip where no mounts can be made."""
    tried = ["unshare", "-r", "--mount", "true"]
    if not shutil.which("unshare") or subprocess.run(tried, check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")


@pytest.mark.usefixtures("small_mounts")
def test_a_state_folder_that_cannot_be_written(state: Path) -> None:
    was = files(state)
    said = serve(state, *before("read-only", str(state)))
    file = state / "anypool.db"
    golden(
        said, 10, f"the database {file} cannot be opened: Read-only file system",
        "its directory must exist and be writable for this user, and so must the file",
    )  # fmt: skip
    assert files(state) == was


@pytest.mark.usefixtures("small_mounts")
def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    said = serve(tmp_path / "none", *before("read-only", str(tmp_path)))
    message = f"the state folder {tmp_path}/none cannot be made: Read-only file system"
    golden(said, 2, message, "choose another one with ANYPOOL_STATE")


@pytest.mark.usefixtures("small_mounts")
def test_a_database_file_that_cannot_be_written(state: Path) -> None:
    file = state / "anypool.db"
    was = file.read_bytes()
    said = serve(state, *before("read-only", str(file)))
    golden(
        said, 10, f"the database {file} cannot be opened: Read-only file system",
        "its directory must exist and be writable for this user, and so must the file",
    )  # fmt: skip
    assert file.read_bytes() == was


@pytest.mark.usefixtures("small_mounts")
def test_a_disk_that_becomes_full_while_serving(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with served(state, before("tmpfs", str(state), "4m")) as anypool:
        assert anypool("host", "add", SIM, "--name", "demo").code == 0
        assert anypool("image", "add", "base", "--datastore", "shared1", "--volume", "base.qcow2")
        inside = Path(f"/proc/{anypool.manager.pid}/root{state}")
        fill(inside / "filler")
        body = {"name": "late", "image": "base", "networks": ["net1"]}
        found = anypool.refused("POST", "/vms", body, 507)
        assert "disk is full" in found["detail"]
        said = anypool("vm", "create", "late", "--image", "base", "--network", "net1")
        assert said.code == 10
        assert said.err.splitlines() == [
            f"anypool: the database {state}/anypool.db cannot grow: the disk is full"
            " (database or disk is full)",
            "hint: free some space; nothing was changed",
        ]
        assert anypool("user", "add", "olga", "--no-password").code == 10
        assert not [vm for vm in anypool.rows("vms") if vm["name"] == "late"]
        assert not volumes(anypool, "late")
        (inside / "filler").unlink()
        until(
            lambda: anypool.request("POST", "/vms", body).status_code == 202,
            "the manager goes on when there is room again",
        )
        assert [user["name"] for user in anypool.rows("users")] == ["admin"]


def fill(file: Path) -> None:
    """Leave no room on a disk."""
    with file.open("wb", buffering=0) as output, suppress(OSError):
        while output.write(b"x" * 4096):
            pass
