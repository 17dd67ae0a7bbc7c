"""What of a vCenter's answer is not taken apart."""

from xml.etree import ElementTree as ET

import pytest

from anypool.drivers.vsphere.leaving import lean


def device(kind: str, prefix: str = "xsi", space: str = "") -> bytes:
    return (
        f'<VirtualDevice {prefix}:type="{space}{kind}"><key>1</key>'
        f"<summary>a &lt;VirtualDevice&gt; of {kind}</summary></VirtualDevice>"
    ).encode()


def answer(*devices: bytes) -> bytes:
    inside = b"".join(devices)
    return (
        b'<E xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:x="y" xmlns:X-i="z">'
        + inside
        + b"</E>"
    )


@pytest.mark.parametrize(("prefix", "space"), [("xsi", ""), ("X-i", ""), ("xsi", "x:")])
def test_devices_that_nobody_reads_are_left_out_and_the_others_stay(
    prefix: str, space: str
) -> None:
    kept = [device("VirtualDisk", prefix, space), device("VirtualVmxnet3", prefix, space)]
    unread = [
        device(kind, prefix, space)
        for kind in ("VirtualKeyboard", "VirtualMachineVideoCard", "VirtualSIOController")
    ]
    whole = answer(unread[0], kept[0], unread[1], unread[2], kept[1])
    found = lean("WaitForUpdatesEx", whole)
    assert found == answer(*kept)
    ET.fromstring(found)


def test_other_answers_and_plain_text_are_left_alone() -> None:
    whole = answer(device("VirtualKeyboard"))
    assert lean("ReconfigVM_Task", whole) == whole
    plain = answer(b"<![CDATA[" + device("VirtualKeyboard") + b"]]>")
    assert lean("RetrievePropertiesEx", plain) == plain
