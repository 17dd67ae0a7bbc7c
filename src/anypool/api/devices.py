"""The routes of a VM's disks, network adapters and snapshots."""

from litestar import Response, delete, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import PREVIEW, By, DryRun, Key, Use, proposed
from anypool.api.planviews import Accepted
from anypool.api.vms import NewName, Size, Text
from anypool.model.units import parse_size


class NewDisk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An empty disk; left out, the datastore is that of the VM's first disk."""

    size: Size
    datastore: Text | None = None


class NewNic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An adapter; left out, the MAC is chosen."""

    network: Text
    mac: Text | None = None


@post("/vms/{key:str}/disks", status_code=202, responses=PREVIEW, sync_to_thread=True)
def add_disk(
    services: Use, by: By, key: Key, data: JSONBody[NewDisk], dry_run: DryRun = False
) -> Response[Accepted]:
    """Make an empty disk and attach it."""
    size = parse_size(data.size)
    done = services.devices.add_disk(by, key, size, data.datastore, dry_run=dry_run)
    return proposed(services, by, done)


@delete(
    "/vms/{key:str}/disks/{target:str}", status_code=202, responses=PREVIEW, sync_to_thread=True
)
def remove_disk(
    services: Use, by: By, key: Key, target: Key, dry_run: DryRun = False
) -> Response[Accepted]:
    """Detach a disk; its volume stays."""
    return proposed(services, by, services.devices.remove_disk(by, key, target, dry_run=dry_run))


@post("/vms/{key:str}/nics", status_code=202, responses=PREVIEW, sync_to_thread=True)
def add_nic(
    services: Use, by: By, key: Key, data: JSONBody[NewNic], dry_run: DryRun = False
) -> Response[Accepted]:
    """Attach a network adapter."""
    done = services.devices.add_nic(by, key, data.network, data.mac, dry_run=dry_run)
    return proposed(services, by, done)


@delete("/vms/{key:str}/nics/{mac:str}", status_code=202, responses=PREVIEW, sync_to_thread=True)
def remove_nic(
    services: Use, by: By, key: Key, mac: Key, dry_run: DryRun = False
) -> Response[Accepted]:
    """Detach a network adapter."""
    return proposed(services, by, services.devices.remove_nic(by, key, mac, dry_run=dry_run))


@post("/vms/{key:str}/snapshots", status_code=202, responses=PREVIEW, sync_to_thread=True)
def take_snapshot(
    services: Use, by: By, key: Key, data: JSONBody[NewName], dry_run: DryRun = False
) -> Response[Accepted]:
    """Take a snapshot."""
    return proposed(services, by, services.snapshots.create(by, key, data.name, dry_run=dry_run))


@post(
    "/vms/{key:str}/snapshots/{name:str}/revert",
    status_code=202,
    responses=PREVIEW,
    sync_to_thread=True,
)
def revert_snapshot(
    services: Use, by: By, key: Key, name: Key, dry_run: DryRun = False
) -> Response[Accepted]:
    """Return the VM to a snapshot."""
    return proposed(services, by, services.snapshots.revert(by, key, name, dry_run=dry_run))


@delete(
    "/vms/{key:str}/snapshots/{name:str}", status_code=202, responses=PREVIEW, sync_to_thread=True
)
def delete_snapshot(
    services: Use, by: By, key: Key, name: Key, dry_run: DryRun = False
) -> Response[Accepted]:
    """Forget a snapshot."""
    return proposed(services, by, services.snapshots.delete(by, key, name, dry_run=dry_run))


ROUTES = (
    add_disk,
    remove_disk,
    add_nic,
    remove_nic,
    take_snapshot,
    revert_snapshot,
    delete_snapshot,
)
