"""Making XML: elements from values, every text checked to be one XML can carry."""

import re
import xml.etree.ElementTree as ET

from anypool.errors import Invalid

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def child(
    parent: ET.Element, tag: str, text: str | int | None = None, **given: object
) -> ET.Element:
    """Add an element; attributes that are None or "" are left out; raise `Invalid`."""
    values = {key: checked(str(v)) for key, v in given.items() if v is not None and v != ""}
    element = ET.SubElement(parent, tag, values)
    if text is not None:
        element.text = checked(str(text))
    return element


def checked(text: str) -> str:
    """Return a text that XML can carry; raise `Invalid` for control characters."""
    if _UNFIT.search(text):
        raise Invalid(f"{text!r} holds control characters", hint="write one line of printable text")
    return text


def document(element: ET.Element) -> str:
    """The element as text for libvirt."""
    return ET.tostring(element, "unicode")
