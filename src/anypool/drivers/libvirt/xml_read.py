"""Reading libvirt's XML: without document types, so that nothing it says can make us fetch."""

import xml.etree.ElementTree as ET
from typing import NoReturn

from anypool.errors import Rejected

KIB_PER_MIB = 1024
_BYTES = {
    "b": 1, "bytes": 1, "KB": 10**3, "k": 1 << 10, "KiB": 1 << 10, "MB": 10**6, "M": 1 << 20,
    "MiB": 1 << 20, "GB": 10**9, "G": 1 << 30, "GiB": 1 << 30, "TB": 10**12, "T": 1 << 40,
    "TiB": 1 << 40,
}  # fmt: skip


class _NoDoctype(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise Rejected(f"libvirt sent XML with a document type ({name})", hint="is it libvirt?")


def parse(text: str) -> ET.Element:
    """Parse a document; raise `Rejected` when it is none, or has a document type."""
    try:
        return ET.fromstring(text, parser=ET.XMLParser(target=_NoDoctype()))
    except ET.ParseError as problem:
        raise Rejected(f"libvirt sent no XML: {problem}", hint="is it libvirt?") from problem


def text(element: ET.Element, path: str, default: str = "") -> str:
    """The text of the first element at `path`, stripped."""
    return (element.findtext(path) or default).strip()


def attribute(element: ET.Element, path: str, name: str, default: str = "") -> str:
    """An attribute of the first element at `path`."""
    found = element.find(path)
    return default if found is None else found.get(name, default)


def size_bytes(element: ET.Element, path: str, unit: str = "bytes") -> int:
    """The size an element such as `<memory unit='KiB'>` states, 0 if it is not there."""
    found = element.find(path)
    if found is None or not (found.text or "").strip().isdigit():
        return 0
    return int((found.text or "0").strip()) * _BYTES.get(found.get("unit", unit), 1)


def size_mib(element: ET.Element, path: str) -> int:
    """The same in MiB; libvirt means KiB where it states no unit of memory."""
    return size_bytes(element, path, "KiB") // (1 << 20)


def stamp(volume: ET.Element) -> str:
    """When a volume was last written to and how long its file is, "" if libvirt does not know.

    The time of other changes is left out: who may read a base changes whenever a VM starts.
    """
    written = text(volume, "target/timestamps/mtime")
    return f"{written}/{size_bytes(volume, 'physical')}" if written else ""
