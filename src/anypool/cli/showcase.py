"""A pool to look at: hosts added, an image registered, a handful of VMs running."""

import time
from pathlib import Path

from anypool.cli.client import Client, Json, key
from anypool.cli.follow import follow
from anypool.cli.terminal import note
from anypool.errors import AnypoolError, Conflict, Invalid, Unreachable
from anypool.lab import GuestImage, LabStatus, ServerStatus
from anypool.search import Noun, parse

IMAGE = "lab-guest"
_TAGS = ("prod", "test")
_GUEST_BYTES = 64 << 20
_SEEN_S = 60.0


def fill_from_lab(client: Client, status: LabStatus, vms: int) -> None:
    """Add a lab's hosts with their BMCs, say that locks work on its datastore, and make VMs.

    Safe to repeat.
    """
    if status.image is None:
        raise AnypoolError(f"lab {status.name} has no guest image", hint="take it down first")
    for server in status.servers:
        if server.role == "host":
            options = {"console_log_dir": status.console_dir, "vnc_listen": "0.0.0.0"}
            add_host(client, server.name, server.libvirt_uri, options)
    await_hosts(client)
    for server in status.servers:
        if server.role == "host":
            set_bmc(client, server, status)
    datastore = _shared(client, status.datastore_uuid)
    client.patch(f"/datastores/{datastore}", {"locking": "effective"})
    _register(client, status.image, datastore)
    _make_vms(client, vms)


def add_host(client: Client, name: str, uri: str, options: dict[str, str] | None = None) -> None:
    """Add an endpoint, or find it there already; one kept with other options is added anew.

    A lab that stands elsewhere than last time has its folders elsewhere.
    """
    body: Json = {"uri": uri, "name": name, "options": options or {}}
    try:
        found = client.post("/endpoints", body)
    except Conflict:
        for known in client.items("/endpoints"):
            if known["uri"] == uri and known["options"] != body["options"]:
                break
        else:
            note(f"{name} is managed already")
            return
        note(f"{name} was added with other options; it is forgotten and added anew")
        client.delete(f"/endpoints/{key(known['id'])}")
        found = client.post("/endpoints", body)
    for host in found["hosts"]:
        note(f"added {host['name']}: {host['hypervisor']}, {host['cpus']} CPUs")


def set_bmc(client: Client, server: ServerStatus, status: LabStatus) -> None:
    """Let its BMC switch a lab's host, unless it does; a new lab has a new certificate."""
    path = f"/hosts/{server.uuid}"
    known = client.get(path)["bmc"]
    if known is None or known["fingerprint"] != status.bmc_fingerprint:
        body: Json = {
            "url": server.bmc_url,
            "user": status.bmc_user,
            "password": Path(status.bmc_password_file).read_text().strip(),
            "fingerprint": status.bmc_fingerprint,
        }
        client.post(f"{path}/bmc", body)


def await_hosts(client: Client) -> None:
    """Return when there are hosts and each was looked at; before, those of an earlier run are
    unknown, and those of a new one are not there.
    """
    deadline = time.monotonic() + _SEEN_S
    while True:
        hosts = list(client.items("/hosts"))
        waiting = [host["name"] for host in hosts if host["state"] != "up"]
        if hosts and not waiting:
            return
        if time.monotonic() > deadline:
            names = ", ".join(waiting) or "any host"
            raise Unreachable(f"not seen in {_SEEN_S:g} s: {names}", hint="`anypool endpoint list`")
        time.sleep(0.2)


def _shared(client: Client, identity: str) -> str:
    for datastore in client.items("/datastores"):
        if datastore["id"] == identity:
            return identity
    raise Invalid("no host shows a shared datastore", hint="look at `anypool datastore list`")


def _register(client: Client, image: GuestImage, datastore: str) -> None:
    boot = {"kernel": image.kernel, "initrd": image.initrd, "cmdline": image.cmdline}
    body: Json = {
        "name": IMAGE,
        "datastore": datastore,
        "volume": Path(image.disk).name,
        "size_bytes": _GUEST_BYTES,
        "memory_mib": image.memory_mib,
        "boot": boot,
        "description": f"Linux {image.kernel_version} and busybox",
    }
    for old in client.items("/images"):
        if old["name"] != IMAGE:
            continue
        copies = (copy for version in old["versions"] for copy in version["copies"])
        if all(copy["datastore"] != datastore for copy in copies):
            kept = ("datastore", "volume", "size_bytes", "boot")
            client.post(f"/images/{IMAGE}/versions", {name: body[name] for name in kept})
        return
    client.post("/images", body)


def _make_vms(client: Client, wanted: int) -> None:
    """Make VMs until there are so many, half of them tagged `prod` and half `test`."""
    for number, tag in enumerate(_TAGS):
        prefix = "web" if tag == "prod" else "job"
        query = str(parse(f"name = {prefix}-*", Noun.VM))
        there = sum(1 for _ in client.items("/vms", query=query))
        count = (wanted + 1 - number) // len(_TAGS)
        if there or not count:
            continue
        body: Json = {"name": prefix, "image": IMAGE, "count": count, "tags": [tag]}
        if count == 1:
            body["name"] = f"{prefix}-1"
        operation = client.post("/vms", body)["operation"]
        if follow(client, operation["id"]) != 0:
            note(f"not all VMs could be made; `anypool operation show {operation['id']}` says why")
