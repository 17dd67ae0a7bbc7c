"""VMs that move to another vCenter: what they are invited with, and what their own is asked.

The vCenter that a VM leaves logs in to the other one and hands the VM over. So it is told the
other's address, the thumbprint of its certificate, a user and a password; that is how vSphere
does it, and why the endpoint that invites must have been told that it may.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

from pyVmomi import vim

from anypool.drivers.vsphere import properties, vms
from anypool.drivers.vsphere.acting import Acting, Found
from anypool.drivers.vsphere.inventory import plain
from anypool.drivers.vsphere.rest import LIMIT_S
from anypool.errors import Rejected, Unreachable
from anypool.model import Doorway, HostId, Invitation

_CARD = vim.vm.device.VirtualEthernetCard


def invitation(driver: Acting, host: HostId) -> Invitation:
    """Return what another vCenter must know to bring a VM to a host of this one."""
    session = driver.session
    entry = driver.host_entry(host)
    center = driver.datacenter(host)
    folder = session.read("ask for the folder of VMs", lambda _: center.vmFolder)
    user, secret = session.credentials
    seen = driver.inventory()
    stores = {one._moId for one in entry.get("datastore") or ()}
    return Invitation(
        url=f"https://{session.address.host}:{session.address.port}/sdk",
        instance=session.instance,
        thumbprint=thumbprint(driver),
        user=user,
        secret=secret,
        host=driver.host_object(host)._moId,
        pool=driver.root_pool(host)._moId,
        folder=folder._moId,
        stores=tuple((key, moid) for moid, key in seen.datastore_ids.items() if moid in stores),
        networks=tuple(_doorways(driver, entry)),
    )


def thumbprint(driver: Acting) -> str:
    """Return the SHA-1 of the certificate, which vSphere asks for; ours was checked before."""
    session = driver.session
    try:
        with contextlib.closing(session.rest_connection(LIMIT_S)) as there:
            there.connect()
            shown = there.sock.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise Unreachable(f"{session.name}: {error}", hint="is the vCenter up?") from error
    digest = hashlib.sha1(shown, usedforsecurity=False).digest()
    return digest.hex(":").upper()


def spec(here: Found, invited: Invitation) -> Any:
    """Return what a vCenter is asked for a VM that leaves; `Rejected` for what is not there."""
    stores = dict(invited.stores)
    found = list(vms.disks(here.seen, here.entry))
    missing = [disk.volume for disk in found if disk.datastore not in stores]
    if missing or not found:
        what = missing[0] if missing else "a VM without disks"
        raise Rejected(f"the other vCenter does not see {what}", hint="share the datastore")
    devices = list(vms.devices(here.entry, vim.vm.device.VirtualDisk))
    places = [vim.Datastore(stores[one.datastore]) for one in found if one.datastore]
    return vim.vm.RelocateSpec(
        service=vim.ServiceLocator(
            url=invited.url,
            instanceUuid=invited.instance,
            sslThumbprint=invited.thumbprint,
            credential=vim.ServiceLocator.NamePassword(
                username=invited.user, password=invited.secret
            ),
        ),
        host=vim.HostSystem(invited.host),
        pool=vim.ResourcePool(invited.pool),
        folder=vim.Folder(invited.folder),
        datastore=places[0],
        disk=[
            vim.vm.RelocateSpec.DiskLocator(diskId=device.key, datastore=place)
            for device, place in zip(devices, places, strict=True)
        ],
        deviceChange=list(_rewired(here, invited)),
    )


def _rewired(here: Found, invited: Invitation) -> Iterator[Any]:
    """Yield each adapter as it is to be at the other side: on the network of the same name."""
    doors = {door.network: door for door in invited.networks}
    cards = vms.devices(here.entry, _CARD)
    for card, nic in zip(cards, vms.nics(here.seen, here.entry), strict=True):
        if nic.network is None or (door := doors.get(nic.network)) is None:
            raise Rejected(
                f"the other vCenter's host has no network {nic.network}",
                hint="make a port group of that name there",
            )
        made = type(card)(
            key=card.key,
            controllerKey=card.controllerKey,
            unitNumber=card.unitNumber,
            addressType="manual",
            macAddress=card.macAddress,
            backing=_backing(door),
        )
        yield vim.vm.device.VirtualDeviceSpec(operation="edit", device=made)


def _backing(door: Doorway) -> Any:
    if not door.group:
        return _CARD.NetworkBackingInfo(deviceName=door.name)
    port = vim.dvs.PortConnection(portgroupKey=door.group, switchUuid=door.switch)
    return _CARD.DistributedVirtualPortBackingInfo(port=port)


def _doorways(driver: Acting, host: Any) -> Iterator[Doorway]:
    seen = driver.inventory()
    there = {one._moId for one in host.get("network") or ()}
    for moid, key in seen.network_ids.items():
        if moid not in there:
            continue
        entry = seen.objects[moid]
        group, switch = "", ""
        if entry.kind == properties.PORTGROUP:
            group, switch = str(entry.get("key")), driver.switch_of(entry)
        yield Doorway(
            network=key, name=plain(entry.get("name")), place=moid, group=group, switch=switch
        )
