"""What we write into a VM that libvirt keeps for us: an element in a namespace of our own."""

import xml.etree.ElementTree as ET

from anypool.model import ImageId, Origin

NAMESPACE = "urn:anypool:vm:1"
_PREFIX = "anypool"
_MADE_BY = f"{{{NAMESPACE}}}made-by"
_RESERVED = f"{{{NAMESPACE}}}memory-reserved-mib"
_IMAGE = f"{{{NAMESPACE}}}image"
ET.register_namespace(_PREFIX, NAMESPACE)


def element(*, made_by: str, memory_reserved_mib: int, origin: Origin | None = None) -> ET.Element:
    """The `<anypool:vm>` element of a VM's metadata."""
    ours = ET.Element(f"{{{NAMESPACE}}}vm")
    ET.SubElement(ours, _MADE_BY).text = made_by
    if memory_reserved_mib:
        ET.SubElement(ours, _RESERVED).text = str(memory_reserved_mib)
    if origin is not None:
        said = {"id": origin.image, "version": str(origin.version), "digest": origin.digest}
        ET.SubElement(ours, _IMAGE, {name: value for name, value in said.items() if value})
    return ours


def reserve(vm: ET.Element, memory_mib: int) -> None:
    """Write another reservation into a VM's description, 0 for none."""
    holder = vm.find("metadata")
    holder = ET.SubElement(vm, "metadata") if holder is None else holder
    ours = holder.find(f"{{{NAMESPACE}}}vm")
    ours = ET.SubElement(holder, f"{{{NAMESPACE}}}vm") if ours is None else ours
    for old in ours.findall(_RESERVED):
        ours.remove(old)
    if memory_mib:
        ET.SubElement(ours, _RESERVED).text = str(memory_mib)


def is_ours(vm: ET.Element) -> bool:
    """Whether a VM bears anything of ours."""
    return vm.find(f"metadata/{{{NAMESPACE}}}vm") is not None


def forget(vm: ET.Element) -> bool:
    """Take everything of ours out of a VM's description; say whether there was anything."""
    holder = vm.find("metadata")
    ours = None if holder is None else holder.find(f"{{{NAMESPACE}}}vm")
    if holder is None or ours is None:
        return False
    holder.remove(ours)
    if not len(holder):
        vm.remove(holder)
    return True


def made_by(vm: ET.Element) -> str:
    """The tag of the step that made a VM, "" if it was not us."""
    return vm.findtext(f"metadata/{{{NAMESPACE}}}vm/{_MADE_BY}") or ""


def origin(vm: ET.Element) -> Origin | None:
    """The image a VM was made from, None if it was none of ours."""
    said = vm.find(f"metadata/{{{NAMESPACE}}}vm/{_IMAGE}")
    version = "" if said is None else said.get("version", "")
    if said is None or not version.isdigit():
        return None
    image = ImageId(said.get("id", ""))
    return Origin(image=image, version=int(version), digest=said.get("digest", ""))


def memory_reserved_mib(vm: ET.Element) -> int:
    """The memory reserved for a VM, which libvirt has no place for."""
    written = vm.findtext(f"metadata/{{{NAMESPACE}}}vm/{_RESERVED}") or ""
    return int(written) if written.isdigit() else 0
