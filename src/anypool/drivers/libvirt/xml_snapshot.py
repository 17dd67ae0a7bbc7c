"""A VM's snapshots as records."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import libvirt

from anypool.drivers.libvirt import metadata, trouble, xml_read
from anypool.drivers.libvirt.xml_write import child, document
from anypool.model import Snapshot

_TAG = "anypool step "


def wish(name: str, tag: str) -> str:
    """The XML that asks for a snapshot bearing the tag of a step."""
    element = ET.Element("domainsnapshot")
    child(element, "name", name)
    child(element, "description", f"{_TAG}{tag}")
    return document(element)


def forget_words(described: ET.Element) -> bool:
    """Take our words out of a snapshot and out of the VM it keeps; say whether there were any.

    Without the second, a VM would have them again when it is returned to the snapshot.
    """
    ours = [metadata.forget(vm) for vm in described.findall("domain")]
    ours += [metadata.forget(vm) for vm in described.findall("inactiveDomain")]
    found = described.find("description")
    if found is not None and (found.text or "").startswith(_TAG):
        described.remove(found)
        return True
    return any(ours)


def read(domain: libvirt.virDomain) -> tuple[Snapshot, ...]:
    """The snapshots of a VM in the order they were taken; none where libvirt keeps none."""
    try:
        taken = list(_described(domain))
    except libvirt.libvirtError as problem:
        if trouble.is_missing_function(problem):
            return ()
        raise
    taken.sort(key=lambda described: int(xml_read.text(described, "creationTime", "0")))
    return tuple(_snapshot(described) for described in taken)


def _described(domain: libvirt.virDomain) -> Iterator[ET.Element]:
    """The descriptions of a VM's snapshots; one that is deleted meanwhile is left out."""
    for snapshot in domain.listAllSnapshots(0):
        try:
            words = snapshot.getXMLDesc(0)
        except libvirt.libvirtError as problem:
            if problem.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT:
                raise
        else:
            yield xml_read.parse(words)


def _snapshot(described: ET.Element) -> Snapshot:
    description = xml_read.text(described, "description")
    return Snapshot(
        name=xml_read.text(described, "name"),
        with_memory=xml_read.text(described, "state") in ("running", "paused"),
        tag=description.removeprefix(_TAG) if description.startswith(_TAG) else "",
    )
