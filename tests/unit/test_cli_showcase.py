"""The pool of the quickstart: made once, and made good again in a lab that is new."""

import json
import os
from typing import Any

import httpx
import pytest

from anypool.cli import showcase
from anypool.cli.client import Client
from anypool.errors import Invalid, Unreachable
from anypool.lab import GuestImage, LabStatus, ServerStatus
from tests.unit.cli_kit import FakeManager, host, listed, operation

GUEST = GuestImage(
    kernel="/lab/vmlinuz",
    initrd="/lab/initrd",
    disk="/lab/guest.qcow2",
    cmdline="quiet",
    memory_mib=128,
    kernel_version="6.1",
)


def server(name: str, role: Any) -> ServerStatus:
    return ServerStatus(
        name=name,
        role=role,
        uuid=f"id-{name}",
        power="on",
        frozen=False,
        partitions=(),
        libvirt_uri=f"qemu+tcp://{name}/system",
        bmc_url=f"https://bmc-of-{name}/redfish/v1/",
        management_address="",
        data_address="",
        pids=(),
        log_dir="",
    )


STATUS = LabStatus(
    name="q",
    up=True,
    mode="root",
    directory="/lab",
    servers=(server("h1", "host"), server("s1", "spare")),
    image=GUEST,
    datastore_uuid="new",
    bmc_user="operator",
    bmc_password_file=os.devnull,
    bmc_fingerprint="ab",
    console_dir="/lab/consoles",
)


@pytest.fixture
def manager() -> FakeManager:
    done = operation("done")
    return FakeManager(
        {
            "POST /endpoints": (201, {"hosts": [host("h1")]}),
            "GET /hosts": listed(host("h1")),
            "GET /hosts/id-h1": host("h1"),
            "POST /hosts/id-h1/bmc": {},
            "GET /datastores": listed({"id": "new", "shared": True}),
            "PATCH /datastores/new": {},
            "GET /images": listed(),
            "POST /images": (201, {}),
            "GET /vms": listed(),
            "POST /vms": (202, {"operation": done}),
            "GET /operations/run-1": done,
        }
    )


def client(manager: FakeManager) -> Client:
    transport = httpx.MockTransport(manager.handle)
    return Client(httpx.Client(base_url="http://m", transport=transport))


def test_hosts_image_and_vms_are_made(manager: FakeManager) -> None:
    showcase.fill_from_lab(client(manager), STATUS, 5)
    added = [json.loads(one.content)["name"] for one in manager.sent("POST", "/endpoints")]
    assert added == ["h1"]
    assert manager.body("PATCH", "/datastores/new") == {"locking": "effective"}
    assert manager.body("POST", "/images")["datastore"] == "new"
    made = [json.loads(one.content) for one in manager.sent("POST", "/vms")]
    assert [(one["name"], one["count"], one["tags"]) for one in made] == [
        ("web", 3, ["prod"]),
        ("job", 2, ["test"]),
    ]


@pytest.mark.parametrize(("fingerprint", "sent"), [("", 1), ("ab", 0), ("of an older lab", 1)])
def test_hosts_get_their_bmcs_unless_they_have_them(
    manager: FakeManager, fingerprint: str, sent: int
) -> None:
    known = {"fingerprint": fingerprint} if fingerprint else None
    manager.answers["GET /hosts/id-h1"] = host("h1") | {"bmc": known}
    showcase.fill_from_lab(client(manager), STATUS, 0)
    bodies = [json.loads(one.content) for one in manager.sent("POST", "/hosts/id-h1/bmc")]
    assert [body["url"] for body in bodies] == ["https://bmc-of-h1/redfish/v1/"] * sent


CONFLICT = {"type": "urn:anypool:problem:conflict", "detail": "managed"}


def endpoint(consoles: str) -> dict[str, object]:
    options = {"console_log_dir": consoles, "vnc_listen": "0.0.0.0"}
    return {"id": "h1", "uri": "qemu+tcp://h1/system", "options": options}


def image_on(datastore: str) -> dict[str, object]:
    return {"name": "lab-guest", "versions": [{"copies": [{"datastore": datastore}]}]}


def test_an_image_of_a_lab_that_is_gone_gets_another_version(manager: FakeManager) -> None:
    manager.answers["GET /images"] = listed(image_on("old"))
    manager.answers["POST /images/lab-guest/versions"] = (201, {})
    showcase.fill_from_lab(client(manager), STATUS, 0)
    body = manager.body("POST", "/images/lab-guest/versions")
    assert body["datastore"] == "new"
    assert body["boot"]
    assert not manager.sent("POST", "/images")


def test_what_is_there_stays(manager: FakeManager) -> None:
    manager.answers["POST /endpoints"] = (409, CONFLICT)
    manager.answers["GET /endpoints"] = listed(endpoint("/lab/consoles"))
    manager.answers["GET /images"] = listed(image_on("new"))
    manager.answers["GET /vms"] = listed({"name": "web-1"})
    showcase.fill_from_lab(client(manager), STATUS, 6)
    assert not manager.sent("POST", "/images")
    assert not manager.sent("POST", "/vms")
    assert not manager.sent("DELETE", "/endpoints/h1")


def test_an_endpoint_of_a_lab_that_stood_elsewhere_is_added_anew(manager: FakeManager) -> None:
    def post(_: httpx.Request) -> httpx.Response:
        forgotten = manager.sent("DELETE", "/endpoints/h1")
        status, body = (201, {"hosts": [host("h1")]}) if forgotten else (409, CONFLICT)
        return httpx.Response(status, json=body)

    manager.answers["POST /endpoints"] = post
    manager.answers["GET /endpoints"] = listed(endpoint("/gone/consoles"))
    manager.answers["DELETE /endpoints/h1"] = {}
    showcase.fill_from_lab(client(manager), STATUS, 0)
    options = [json.loads(one.content)["options"] for one in manager.sent("POST", "/endpoints")]
    assert [one["console_log_dir"] for one in options] == ["/lab/consoles"] * 2


def test_hosts_that_are_never_seen_and_a_datastore_that_is_not_there(
    manager: FakeManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showcase, "_SEEN_S", 0.0)
    manager.answers["GET /hosts"] = listed(host("h1", state="unknown"))
    with pytest.raises(Unreachable, match="h1"):
        showcase.fill_from_lab(client(manager), STATUS, 6)
    manager.answers["GET /hosts"] = listed()
    with pytest.raises(Unreachable, match="any host"):
        showcase.await_hosts(client(manager))
    manager.answers["GET /hosts"] = listed(host("h1"))
    manager.answers["GET /datastores"] = listed({"id": "other", "shared": True})
    with pytest.raises(Invalid, match="shared datastore"):
        showcase.fill_from_lab(client(manager), STATUS, 6)
