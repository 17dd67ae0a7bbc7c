"""A kernel without its wrapping, which QEMU starts as it is: no guest has to unpack it.

That is a fifth of what an emulated CPU does until a guest is ready.
"""

import lzma
import struct
import subprocess
import zlib
from collections.abc import Iterator

_SETUP_SECTORS, _MAGIC, _PAYLOAD = 0x1F1, 0x202, 0x248
_SECTOR = 512
_SIZE_BEHIND = 4
"""Bytes behind what is packed, except by gzip, which has them itself: the unpacked size."""
_XZ, _GZIP, _ZSTD = b"\xfd7zXZ\0", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_LZ4 = b"\x02\x21\x4c\x18"
_FOUR_BITS, _BYTE, _LEAST_REPEATED = 15, 255, 4
_NOTES = 4
_ENTRY = (b"Xen\0", 18)
"""Name and type of the ELF note that says where QEMU is to begin."""


def bare(image: bytes) -> bytes:
    """Return the ELF file inside a kernel image; the image itself where QEMU could not start it."""
    try:
        content = _unpacked(_payload(image))
        return content if _ENTRY in _notes(content) else image
    except (
        struct.error,
        lzma.LZMAError,
        zlib.error,
        IndexError,
        ValueError,
        OSError,
        subprocess.CalledProcessError,
    ):
        return image


def _payload(image: bytes) -> bytes:
    if image[_MAGIC : _MAGIC + 4] != b"HdrS":
        return b""
    begin = (image[_SETUP_SECTORS] + 1) * _SECTOR
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    return image[begin + offset : begin + offset + length]


def _unpacked(payload: bytes) -> bytes:
    if payload.startswith(_GZIP):
        return zlib.decompress(payload, wbits=31)
    packed = payload[:-_SIZE_BEHIND]
    if payload.startswith(_XZ):
        return lzma.decompress(packed)
    if payload.startswith(_ZSTD):
        words = ["zstd", "-dcq"]
        return subprocess.run(
            words, input=packed, capture_output=True, timeout=60, check=True
        ).stdout
    return _of_lz4(packed[len(_LZ4) :]) if payload.startswith(_LZ4) else b""


def _of_lz4(packed: bytes) -> bytes:
    """Unpack what `lz4 -l` made: blocks, each with its packed size before it."""
    content, at = bytearray(), 0
    while at < len(packed):
        (size,) = struct.unpack_from("<I", packed, at)
        content += _of_block(packed[at + 4 : at + 4 + size])
        at += 4 + size
    return bytes(content)


def _of_block(packed: bytes) -> bytearray:
    """Unpack a block: in turns bytes as they are, and a distance back from where to repeat some."""
    content, at = bytearray(), 0
    while at < len(packed):
        token = packed[at]
        count, at = _counted(packed, at + 1, token >> 4)
        content += packed[at : at + count]
        at += count
        if at == len(packed):
            break
        distance = packed[at] | packed[at + 1] << 8
        count, at = _counted(packed, at + 2, token & 15)
        count += _LEAST_REPEATED
        again = bytes(content[-distance:][:count])
        content += (again * (count // distance + 1))[:count]
    return content


def _counted(packed: bytes, at: int, count: int) -> tuple[int, int]:
    """Return a number whose first part is `count`, and where it ends."""
    if count < _FOUR_BITS:
        return count, at
    while packed[at] == _BYTE:
        count, at = count + _BYTE, at + 1
    return count + packed[at], at + 1


def _notes(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield name and type of each note of a 64-bit ELF file."""
    if content[:5] != b"\x7fELF\x02":
        return
    (table,) = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    for number in range(count):
        kind, _, offset, _, _, length = struct.unpack_from(
            "<IIQQQQ", content, table + number * size
        )
        end = offset + length
        while kind == _NOTES and offset + 12 <= end:
            name, description, type_ = struct.unpack_from("<III", content, offset)
            yield content[offset + 12 : offset + 12 + name], type_
            offset += 12 + (name + 3 & ~3) + (description + 3 & ~3)
