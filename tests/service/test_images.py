"""Images from the command line: versions, what somebody else writes, and who depends on them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from anypool.drivers.sim import World, content
from anypool.model import DatastoreId
from tests.service.manager_kit import Manager, problem, running, until
from tests.unit.cli_kit import Terminal

STORE = DatastoreId("lot-shared1")
OTHER = DatastoreId("lot-shared2")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with running(tmp_path_factory.mktemp("images")) as manager:
        yield manager
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lot") / "world"


@pytest.fixture
def anypool(
    fresh: Manager, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Terminal:
    monkeypatch.setenv("ANYPOOL_URL", fresh.url)
    monkeypatch.setenv("ANYPOOL_TOKEN", fresh.token())
    terminal = Terminal(capsys)
    if not terminal("host", "list", "-o", "name").out:
        uri = f"sim://lot?hosts=2&vms=2&seed=1&datastores=2&networks=1&state={place}"
        assert terminal("host", "add", uri, "--name", "lot").code == 0
    return terminal


@pytest.fixture
def world(anypool: Terminal, place: Path) -> Iterator[World]:
    """The world of the pool, as somebody sees it who does not ask us."""
    yield (made := World("lot", path=place))
    made.close()


def shown(anypool: Terminal, name: str) -> Any:
    return json.loads(anypool("image", "show", name, "-o", "json").out)


def known(anypool: Terminal, name: str) -> Any:
    """An image, once every version of it was read."""

    def read() -> Any:
        image = shown(anypool, name)
        copies = [copy for version in image["versions"] for copy in version["copies"]]
        return image if all(copy["state"] != "unread" for copy in copies) else None

    return until(read, "everything is read")


def add(anypool: Terminal, *words: str) -> None:
    said = anypool("image", *words, "--datastore", "shared1", "--volume", "base.qcow2")
    assert said.code == 0, said.err


def look_again(fresh: Manager) -> None:
    """Let the manager look at its images now: it does so every few seconds."""
    engine = fresh.app.engine
    for host in engine.inventory.hosts:
        engine.observe_now(host)
    engine.images.woken.set()


def test_an_image_lives(anypool: Terminal, fresh: Manager, world: World) -> None:
    add(anypool, "add", "web", "--notes", "the first", "--source", "made by hand")
    image = known(anypool, "web")
    (first,) = image["versions"]
    assert first["digest"].startswith("sha256:")
    assert (first["notes"], first["source"]) == ("the first", "made by hand")
    assert first["copies"][0]["datastore_name"] == "shared1"
    row = anypool("image", "list").out
    assert "web:1" in row
    assert first["digest"][:19] in row
    assert "shared1" in row
    assert str(STORE) not in row, "people see names"

    made = ("vm", "create", "one", "--image", "web:1", "--network", "net1", "--stopped", "-w")
    assert anypool(*made).code == 0
    vm = json.loads(anypool("vm", "show", "one", "-o", "json").out)
    assert (vm["image"]["name"], vm["image"]["digest"]) == ("web:1", first["digest"])
    assert vm["image"]["state"] == "newest"
    for query in ("image = web:1", "image = web", f'digest = "{first["digest"]}"'):
        assert anypool("vm", "list", "-f", query, "-o", "name").out.split() == ["one"]
    assert anypool("vm", "tag", "one", "x").code == 0
    assert "web:1" in anypool("vm", "show", "one").out, "tags leave alone what is remembered"

    refused = anypool("image", "remove", "web", "-y")
    assert refused.code == 5
    assert "web is the base of linked clones: one" in refused.err
    look_again(fresh)
    assert "linked clones: one" in anypool("image", "remove", "web", "-y").err
    listed = json.loads(anypool("volume", "list", "-o", "json").out)
    on_it = [volume for volume in listed if volume["base"] and volume["datastore"] == STORE]
    assert [(one["vm_names"], one["datastore_name"]) for one in on_it] == [(["one"], "shared1")]

    content.write(world, STORE, "base.qcow2", "somebody wrote")
    look_again(fresh)
    until(lambda: len(shown(anypool, "web")["versions"]) == 2, "the change is found")
    image = known(anypool, "web")
    assert [v["copies"][0]["state"] for v in image["versions"]] == ["changed", "same"]
    assert [v["vms"] for v in image["versions"]] == [1, 0]
    assert image["newest"] == 2
    assert "its volume was changed in place" in anypool("vm", "show", "one").out
    (told,) = json.loads(anypool("event", "list", "-f", "kind = image.replaced", "-o", "json").out)
    assert told["severity"] == "warning"
    assert "VMs that were made from web:1: one" in told["message"]
    gone = anypool("vm", "create", "two", "--image", "web:1", "--network", "net1")
    assert gone.code == 5
    assert "no copy of web:1 is left" in gone.err
    assert anypool("image", "list", "-f", "versions > 1", "-o", "name").out.split() == ["web"]
    refused = anypool("image", "version", "remove", "web:1", "-y")
    assert (refused.code, "linked clones: one" in refused.err) == (5, True)

    assert anypool("vm", "delete", "one", "--volumes", "-y", "-w").code == 0
    assert anypool("image", "version", "remove", "web:1", "-y").code == 0
    only = anypool("image", "version", "remove", "web:2", "-y")
    assert "web:2 is the only version" in only.err
    assert anypool("image", "remove", "web", "-y").code == 0


def test_one_content_on_two_datastores_is_one_version(anypool: Terminal, world: World) -> None:
    for place in (STORE, OTHER):
        content.write(world, place, "base.qcow2", "the same")
    add(anypool, "add", "twin")
    words = ("--datastore", "shared2", "--volume", "base.qcow2")
    assert anypool("image", "version", "add", "twin", *words).code == 0
    until(lambda: len(shown(anypool, "twin")["versions"]) == 1, "it is the same")
    (version,) = known(anypool, "twin")["versions"]
    assert [copy["datastore_name"] for copy in version["copies"]] == ["shared1", "shared2"]
    assert anypool("image", "show", "twin:1").out.count("base.qcow2") == 2
    again = anypool("image", "version", "add", "twin", *words)
    assert (again.code, "base.qcow2 is twin:1 already" in again.err) == (5, True)

    digest = version["digest"][:19]
    more = ("--network", "net1", "--stopped", "-w")
    for name, key, store in (("by-digest", digest, "lot-shared2"), ("by-alias", "twin:2", "")):
        where = ("--datastore", "shared2") if store else ()
        assert anypool("vm", "create", name, "--image", key, *where, *more).code == 0
        vm = json.loads(anypool("vm", "show", name, "-o", "json").out)
        assert vm["image"]["name"] == "twin:1"
        assert store in vm["disks"][0]["datastore"]


def test_deprecating_and_verifying(anypool: Terminal, world: World, fresh: Manager) -> None:
    add(anypool, "add", "old")
    known(anypool, "old")
    assert anypool("image", "deprecate", "old:1").code == 0
    refused = anypool("vm", "create", "x", "--image", "old", "--network", "net1")
    assert "all versions of old are deprecated" in refused.err
    assert anypool("image", "list", "-f", "deprecated = yes", "-o", "name").out.split() == ["old"]
    assert anypool("vm", "create", "x", "--image", "old:1", "--network", "net1", "-w").code == 0
    assert anypool("image", "deprecate", "old:1", "--undo").code == 0
    assert anypool("image", "version", "note", "old:1", "fine again").code == 0
    assert shown(anypool, "old")["versions"][0]["notes"] == "fine again"

    fine = anypool("image", "verify", "old", "--wait")
    assert (fine.code, "base.qcow2 (same)" in fine.err) == (0, True)
    content.write(world, STORE, "base.qcow2", "written again")
    bad = anypool("image", "verify", "old:1", "--wait")
    assert (bad.code, "base.qcow2 (changed)" in bad.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("image show nothing", 3, "no image 'nothing'"),
        ("image show bad:9", 3, "no version bad:9"),
        ("image deprecate bad", 2, "names no version"),
        ("image deprecate bad:9", 3, "no version bad:9"),
        ("image version note bad:x hello", 2, "names no version"),
        ("image version remove bad:7 -y", 3, "no version bad:7"),
        ("image verify nothing", 3, "no image 'nothing'"),
        ("image version add bad --datastore shared2 --volume gone.qcow2", 3, "no volume"),
        ("image version add nothing --datastore shared2 --volume base.qcow2", 3, "no image"),
        ("image version add bad --datastore shared2 --volume base.qcow2 --format iso", 2, "format"),
        ("vm create y --network net1 --image bad:9", 3, "no version bad:9"),
        ("vm create y --network net1 --image sha256:" + "0" * 64, 3, "with the digest"),
        ("vm create y --network net1 --image sha256:12", 3, "no image"),
    ],
)
def test_bad_input(anypool: Terminal, words: str, code: int, said: str) -> None:
    if "bad" not in anypool("image", "list", "-o", "name").out.split():
        add(anypool, "add", "bad")
    found = anypool(*(word for word in words.split()))
    assert (found.code, said in found.err) == (code, True), found.err


def test_what_is_no_whole_disk_is_no_image(anypool: Terminal, fresh: Manager) -> None:
    look_again(fresh)
    clones = json.loads(anypool("volume", "list", "-o", "json").out)
    clone = next(one for one in clones if one["base"] and one["vms"])
    words = ("--datastore", clone["datastore"], "--volume", clone["name"])
    said = anypool("image", "add", "part", *words)
    assert (said.code, "is a linked clone of base.qcow2" in said.err) == (2, True)
    assert clone["vm_names"], "lists of volumes say names beside ids"


def test_a_request_of_before_still_works(fresh: Manager, anypool: Terminal) -> None:
    with fresh.client() as client:
        body = {"name": "plain", "datastore": str(STORE), "volume": "base.qcow2"}
        made = client.post("/images", json=body)
        assert made.status_code == 201
        assert made.json()["volume"] == "base.qcow2"
        problem(client.post("/images", json=body), 409)
        problem(client.post("/images/plain/versions", json={"datastore": "x"}), 422)
        problem(client.patch("/images/plain/versions/1", json={}), 422)
        problem(client.patch("/images/plain/versions/-1", json={"notes": "x"}), 422)
        assert client.delete("/images/plain").status_code in (204, 409)
