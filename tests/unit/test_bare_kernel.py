import gzip
import lzma
import struct
from collections.abc import Callable

import pytest

from anypool.lab.bare_kernel import bare

NOTE = struct.pack("<III", 4, 8, 18) + b"Xen\0" + bytes(8)
OTHER = struct.pack("<III", 4, 5, 1) + b"GNU\0" + bytes(8)


def elf(notes: bytes) -> bytes:
    """Return a program whose only segment is its notes."""
    head = b"\x7fELF\x02".ljust(0x20, b"\0") + struct.pack("<Q", 64)
    head = head.ljust(0x36, b"\0") + struct.pack("<HH", 56, 1)
    segment = struct.pack("<IIQQQQ", 4, 4, 120, 0, 0, len(notes)).ljust(56, b"\0")
    return head.ljust(64, b"\0") + segment + notes + bytes(1000)


def image(payload: bytes) -> bytes:
    """Return a kernel image with something in it."""
    made = bytearray(2048)
    made[0x1F1] = 3
    made[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", made, 0x248, 16, len(payload))
    return bytes(made) + bytes(16) + payload + b"what is behind"


def by_xz(content: bytes) -> bytes:
    return lzma.compress(content, check=lzma.CHECK_CRC32) + struct.pack("<I", len(content))


def by_lz4(content: bytes) -> bytes:
    """Return all but its last 1000 bytes as they are, and then one that is repeated."""
    plain, again = content[:-999], 999 - 5
    count = len(plain) - 15
    block = bytes([0xFF, *[255] * (count // 255), count % 255]) + plain
    block += struct.pack("<H", 1) + bytes([255] * ((again - 19) // 255) + [(again - 19) % 255])
    block += bytes([0x50]) + content[-5:]
    blocks = struct.pack("<I", len(block)) + block
    return b"\x02\x21\x4c\x18" + blocks + struct.pack("<I", len(content))


@pytest.mark.parametrize("packed", [by_xz, by_lz4, gzip.compress])
def test_what_is_in_an_image_is_taken_out(packed: Callable[[bytes], bytes]) -> None:
    inner = elf(OTHER + NOTE)
    assert bare(image(packed(inner))) == inner


@pytest.mark.parametrize(
    "whole",
    [
        image(by_xz(elf(OTHER))),
        image(by_xz(elf(NOTE))[:-40]),
        image(by_lz4(elf(NOTE))[:-40]),
        image(b"something else"),
        b"no kernel",
        b"",
    ],
)
def test_what_qemu_could_not_start_stays_as_it_is(whole: bytes) -> None:
    assert bare(whole) == whole
