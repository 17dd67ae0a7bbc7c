"""A VM's snapshots as records."""

import xml.etree.ElementTree as ET

import libvirt

from anypool.drivers.libvirt import trouble, xml_read
from anypool.drivers.libvirt.xml_write import child, document
from anypool.model import Snapshot

_TAG = "anypool step "


def wish(name: str, tag: str) -> str:
    """The XML that asks for a snapshot bearing the tag of a step."""
    element = ET.Element("domainsnapshot")
    child(element, "name", name)
    child(element, "description", f"{_TAG}{tag}")
    return document(element)


def read(domain: libvirt.virDomain) -> tuple[Snapshot, ...]:
    """The snapshots of a VM in the order they were taken; none where libvirt keeps none."""
    try:
        taken = [xml_read.parse(s.getXMLDesc(0)) for s in domain.listAllSnapshots(0)]
    except libvirt.libvirtError as problem:
        if trouble.is_missing_function(problem):
            return ()
        raise
    taken.sort(key=lambda described: int(xml_read.text(described, "creationTime", "0")))
    return tuple(_snapshot(described) for described in taken)


def _snapshot(described: ET.Element) -> Snapshot:
    description = xml_read.text(described, "description")
    return Snapshot(
        name=xml_read.text(described, "name"),
        with_memory=xml_read.text(described, "state") in ("running", "paused"),
        tag=description.removeprefix(_TAG) if description.startswith(_TAG) else "",
    )
