"""Parts of an answer that nobody here reads, left out before it is taken apart.

Every VM has a keyboard, a mouse and a video card. Taking them apart is a third of the work of a
first reading.
"""

import re

_READINGS = frozenset({"WaitForUpdatesEx", "RetrievePropertiesEx", "ContinueRetrievePropertiesEx"})
_UNREAD = (
    "VirtualKeyboard",
    "VirtualPointingDevice",
    "VirtualMachineVideoCard",
    "VirtualMachineVMCIDevice",
    "VirtualPS2Controller",
    "VirtualSIOController",
)
_DEVICE = re.compile(
    rb'<VirtualDevice [A-Za-z0-9_-]+:type="(?:[A-Za-z0-9_-]+:)?(?:'
    + "|".join(_UNREAD).encode()
    + rb')">.*?</VirtualDevice>',
    re.DOTALL,
)


def lean(asked: str, content: bytes) -> bytes:
    """Return an answer without devices that nobody reads; any other answer as it is.

    In XML no text can hold such a tag, but a section of plain text could; then all is kept.
    """
    if asked not in _READINGS or b"<![CDATA[" in content:
        return content
    return _DEVICE.sub(b"", content)
