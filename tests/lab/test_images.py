"""Images on real hypervisors: digests that sha256sum agrees with, files that somebody writes to."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anypool import lab as labs
from anypool.cli.showcase import IMAGE, fill_from_lab
from tests.lab.conftest import RunningLab, wait_until
from tests.service.process_kit import Served, served

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ON_SHARED = ("--datastore", "shared", "--volume")


@pytest.fixture(scope="module")
def lab(own_lab: RunningLab) -> RunningLab:
    return own_lab


@pytest.fixture(scope="module")
def anypool(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A manager inside the lab with its hosts and image."""
    inside = labs.enter_command(lab.name, lab.state_dir)
    with served(tmp_path_factory.mktemp("images") / "state", inside) as one:
        with one.client() as client:
            fill_from_lab(client, lab.status(), 0)
        yield one


@pytest.fixture
def files(lab: RunningLab) -> Iterator[Path]:
    """The folder of the shared datastore; what a test puts there is removed."""
    folder = Path(lab.status().datastore_dir)
    before = set(folder.iterdir())
    yield folder
    for file in set(folder.iterdir()) - before:
        file.unlink()


def sha256(file: Path) -> str:
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()


def shown(anypool: Served, name: str) -> Any:
    said = anypool("image", "show", name, "-o", "json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def digests(anypool: Served, name: str, count: int = 1) -> list[str]:
    """The digests of an image, once it has so many versions and all were read."""

    def read() -> list[str]:
        found = [one["digest"] for one in shown(anypool, name)["versions"]]
        return found if len(found) == count and all(found) else []

    return wait_until(read, f"{name} is read", timeout_s=90)


def test_the_digest_is_that_of_the_file_and_no_clone_changes_it(
    anypool: Served, lab: RunningLab, files: Path
) -> None:
    master = files / f"{IMAGE}.qcow2"
    before = master.stat()
    assert digests(anypool, IMAGE) == [sha256(master)]
    words = ("--image", f"{IMAGE}:1", "--host", "h1", "-w")
    made = anypool("vm", "create", "cloned", *words)
    assert made.code == 0, made.err
    said = lab.virsh("h1", "dumpxml", "cloned").out
    assert f'id="{IMAGE}"' in said.replace("'", '"')
    assert sha256(master) in said
    for deed in (("migrate", "--to", "h2"), ("stop", "--force"), ("start",), ("stop", "--force")):
        done = anypool("vm", deed[0], "cloned", *deed[1:], "-y", "-w")
        assert done.code == 0, done.err
    vm = json.loads(anypool("vm", "show", "cloned", "-o", "json").out)
    assert (vm["image"]["name"], vm["image"]["state"]) == (f"{IMAGE}:1", "newest")
    refused = anypool("image", "remove", IMAGE, "-y")
    assert (refused.code, "linked clones: cloned" in refused.err) == (5, True)
    assert anypool("vm", "delete", "cloned", "--volumes", "-y", "-w").code == 0
    after = master.stat()
    assert (after.st_mtime_ns, after.st_size) == (before.st_mtime_ns, before.st_size)
    verified = anypool("image", "verify", IMAGE, "--wait")
    assert verified.code == 0, verified.err


def test_a_file_that_is_changed_in_place(anypool: Served, lab: RunningLab, files: Path) -> None:
    file = files / "odd.qcow2"
    file.write_bytes((files / f"{IMAGE}.qcow2").read_bytes())
    assert anypool("image", "add", "odd", *ON_SHARED, file.name).code == 0
    (first,) = digests(anypool, "odd")
    assert first == sha256(file)
    made = anypool("vm", "create", "stands", "--image", "odd", "--stopped", "-w")
    assert made.code == 0, made.err
    with file.open("r+b") as output:
        output.seek(-1, 2)
        last = output.read(1)
        output.seek(-1, 2)
        output.write(bytes([last[0] ^ 255]))
    assert digests(anypool, "odd", 2) == [first, sha256(file)]
    assert "its volume was changed in place" in anypool("vm", "show", "stands").out
    (told,) = json.loads(anypool("event", "list", "-f", "kind = image.replaced", "-o", "json").out)
    assert (told["severity"], "odd:1: stands" in told["message"]) == ("warning", True)
    assert anypool("vm", "delete", "stands", "--volumes", "-y", "-w").code == 0
    assert anypool("image", "remove", "odd", "-y").code == 0, "what was deleted depends no more"


def test_holes_and_large_files(anypool: Served, files: Path) -> None:
    """Half a gigabyte with little in it: only that little comes over."""
    file = files / "sparse.raw"
    with file.open("wb") as output:
        output.write(b"begin")
        output.seek(300 << 20)
        output.write(bytes(range(256)) * 5000)
        output.truncate((512 << 20) + 3)
    assert anypool("image", "add", "sparse", *ON_SHARED, file.name, "--format", "raw").code == 0
    assert digests(anypool, "sparse") == [sha256(file)]
    file.unlink()
    wait_until(
        lambda: anypool.rows("images", q="name = sparse and copy = missing"),
        "it is missed",
        timeout_s=60,
    )
    assert anypool("image", "remove", "sparse", "-y").code == 0
