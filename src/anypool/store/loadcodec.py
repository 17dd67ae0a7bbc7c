"""Loads as bytes: the chunk of an hour, the row of a day, and the tail that is not a chunk yet.

All numbers are little-endian; every value begins with a byte that names the format. How
the format was chosen, and its errors, is in the decision about it.
"""

import struct
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from anypool.errors import StoreFailed
from anypool.model.metric import COUNT, GAP, Codes
from anypool.model.summary import Summary

HOUR_S = 3600
DAY_S = 86400

_CHUNK, _DAY, _TAIL = 1, 2, 3
_HEAD = struct.Struct("<BBHHH")  # format, flags, step_s, first slot, slots
_HAS_GAPS = 1
_DAY_PART = struct.Struct("<IfHHH")  # count, mean, low, high, bins
_TAIL_HEAD = struct.Struct("<BHHI")  # format, step_s, slots, objects


class Chunk(Struct, frozen=True):
    """One hour of one object: `codes` is [metric, slot], from the beginning of the hour."""

    step_s: int
    codes: Codes


class Tail(Struct, frozen=True):
    """Some slots of many objects: `codes` is [slot, metric, object]."""

    step_s: int
    slots: tuple[int, ...]
    objects: NDArray[np.uint32]
    codes: Codes


def encode_chunks(step_s: int, codes: Codes) -> list[bytes | None]:
    """Return the chunk of each object of [object, metric, slot]; None where all is a gap."""
    known = codes != GAP
    slots = np.arange(codes.shape[2])
    latest = np.maximum.accumulate(np.where(known, slots, 0), axis=2)
    filled = np.take_along_axis(codes, latest, axis=2)
    some = known.any(axis=1)
    found: list[bytes | None] = []
    for number in range(codes.shape[0]):
        there = np.flatnonzero(some[number])
        if not there.size:
            found.append(None)
            continue
        first, end = int(there[0]), int(there[-1]) + 1
        found.append(
            _chunk(step_s, first, filled[number, :, first:end], known[number, :, first:end])
        )
    return found


def _chunk(step_s: int, first: int, filled: Codes, known: NDArray[np.bool_]) -> bytes:
    body = _deltas(filled)
    flags = 0
    if not known.all():
        flags = _HAS_GAPS
        body = np.packbits(known, axis=None).tobytes() + body
    return _HEAD.pack(_CHUNK, flags, step_s, first, filled.shape[1]) + _packed(body, 6)


def decode_chunk(body: bytes) -> Chunk:
    """Return a chunk; raise `StoreFailed` for bytes that are none."""
    try:
        kind, flags, step_s, first, slots = _HEAD.unpack_from(body)
        _expect(kind, _CHUNK)
        plain = zlib.decompress(body[_HEAD.size :], -15)
        size = COUNT * slots
        known = np.ones(size, np.bool_)
        if flags & _HAS_GAPS:
            length = (size + 7) // 8
            bits = np.frombuffer(plain, np.uint8, length)
            known, plain = np.unpackbits(bits, count=size).astype(np.bool_), plain[length:]
        found = _undeltas(plain, (COUNT, slots))
        found[~known.reshape(COUNT, slots)] = GAP
        codes = np.zeros((COUNT, HOUR_S // step_s), np.uint16)
        codes[:, first : first + slots] = found
    except (struct.error, zlib.error, ValueError, ZeroDivisionError) as error:
        raise _broken("an hour of loads", error) from error
    return Chunk(step_s, codes)


def decode_metric(
    bodies: Mapping[int, bytes], metric: int
) -> tuple[dict[int, Codes], dict[int, StoreFailed]]:
    """Return the codes of one metric of many chunks by their keys, and what is wrong with others.

    They are as `decode_chunk` says, several times faster where the chunks are alike.
    """
    found: dict[int, Codes] = {}
    broken: dict[int, StoreFailed] = {}
    alike: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    for key, body in bodies.items():
        try:
            if (plain := _plain_if_whole(body)) is None:
                found[key] = decode_chunk(body).codes[metric]
            else:
                alike[len(plain)].append((key, plain))
        except StoreFailed as error:
            broken[key] = error
    for length, some in alike.items():
        planes = np.frombuffer(b"".join(plain for _, plain in some), np.uint8)
        mine = planes.reshape(len(some), 2, COUNT, length // COUNT // 2)[:, :, metric]
        folded = mine[:, 0].astype(np.int32) | (mine[:, 1].astype(np.int32) << 8)
        codes = np.cumsum(_unfolded(folded), axis=1).astype(np.uint16)
        found.update(zip((key for key, _ in some), codes, strict=True))
    return found, broken


def _plain_if_whole(body: bytes) -> bytes | None:
    """Return the differences of a chunk that has all slots and no gaps, None for another."""
    try:
        kind, flags, step_s, _, slots = _HEAD.unpack_from(body)
        if kind != _CHUNK or flags or slots * step_s != HOUR_S:
            return None
        plain = zlib.decompress(body[_HEAD.size :], -15)
    except (struct.error, zlib.error) as error:
        raise _broken("an hour of loads", error) from error
    return plain if len(plain) == 2 * COUNT * slots else None


def merge_chunks(old: Chunk, new: Chunk) -> Chunk:
    """Return both in one, of the coarser step; where both know a value, the new one counts."""
    step_s = max(old.step_s, new.step_s)
    under, over = (_coarser(chunk, step_s) for chunk in (old, new))
    return Chunk(step_s, np.where(over != GAP, over, under))


def _coarser(chunk: Chunk, step_s: int) -> Codes:
    """Return codes of a longer step; of several known ones, that in the middle of them."""
    if chunk.step_s == step_s:
        return chunk.codes
    size = HOUR_S // step_s
    made = np.zeros((COUNT, size), np.uint16)
    places = np.arange(chunk.codes.shape[1]) * chunk.step_s // step_s
    for slot in range(size):
        part = chunk.codes[:, places == slot]
        for metric in range(COUNT):
            known = np.sort(part[metric][part[metric] != GAP])
            if known.size:
                made[metric, slot] = known[known.size // 2]
    return made


def encode_tail(tail: Tail) -> bytes:
    """Return the bytes of a tail; its objects must be in order."""
    slots, objects = len(tail.slots), len(tail.objects)
    head = _TAIL_HEAD.pack(_TAIL, tail.step_s, slots, objects)
    numbers = np.diff(tail.objects, prepend=np.uint32(0)).astype("<u4")
    low, high = _planes(tail.codes)
    body = struct.pack(f"<{slots}H", *tail.slots) + numbers.tobytes() + low + high
    return head + _packed(body, 1)


def decode_tail(body: bytes) -> Tail:
    """Return a tail; raise `StoreFailed` for bytes that are none."""
    try:
        kind, step_s, slots, objects = _TAIL_HEAD.unpack_from(body)
        _expect(kind, _TAIL)
        plain = zlib.decompress(body[_TAIL_HEAD.size :], -15)
        places = struct.unpack_from(f"<{slots}H", plain)
        start = 2 * slots
        numbers = np.frombuffer(plain, "<u4", objects, start)
        codes = _from_planes(plain[start + 4 * objects :], (slots, COUNT, objects))
    except (struct.error, zlib.error, ValueError) as error:
        raise _broken("a tail of loads", error) from error
    return Tail(step_s, places, np.cumsum(numbers, dtype=np.uint32), codes)


def encode_day(parts: Sequence[Summary]) -> bytes:
    """Return the row of a day: one summary for each metric."""
    heads = b"".join(
        _DAY_PART.pack(one.count, one.total / max(1, one.count), one.low, one.high, len(one.bins))
        for one in parts
    )
    # Differences run on from one metric to the next and wrap around, as they do when added up.
    bins = np.concatenate([one.bins for one in parts])
    low, high = _planes(np.diff(bins, prepend=np.uint16(0)))
    counts = np.concatenate([one.counts for one in parts]).astype("<u4")
    planes = counts.view(np.uint8).reshape(-1, 4).T.tobytes()
    return bytes((_DAY,)) + _packed(heads + low + high + planes, 9)


def decode_day(body: bytes) -> tuple[Summary, ...]:
    """Return one summary for each metric; raise `StoreFailed` for bytes that are none."""
    try:
        _expect(body[0], _DAY)
        plain = zlib.decompress(body[1:], -15)
        heads = [_DAY_PART.unpack_from(plain, _DAY_PART.size * at) for at in range(COUNT)]
        return _parts(heads, plain[_DAY_PART.size * COUNT :])
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        raise _broken("a day of loads", error) from error


def _parts(heads: list[tuple[Any, ...]], plain: bytes) -> tuple[Summary, ...]:
    size = sum(head[4] for head in heads)
    bins = np.cumsum(_from_planes(plain[: 2 * size], (size,)), dtype=np.uint16)
    planes = np.frombuffer(plain, np.uint8, 4 * size, 2 * size).reshape(4, size)
    counts = np.ascontiguousarray(planes.T).view("<u4").reshape(size).astype(np.uint32)
    found, start = [], 0
    for count, mean, low, high, length in heads:
        mine = slice(start, start + length)
        start += length
        found.append(
            Summary(
                count=count,
                total=mean * count,
                low=low,
                high=high,
                bins=bins[mine],
                counts=counts[mine],
            )
        )
    return tuple(found)


def _deltas(codes: Codes) -> bytes:
    """Return differences along the last axis, signs folded, low bytes before high bytes."""
    wide = np.diff(codes.astype(np.int32), axis=1, prepend=0)
    wrapped = wide.astype(np.int16).astype(np.int32)
    folded = ((wrapped << 1) ^ (wrapped >> 31)).astype(np.uint16)
    low, high = _planes(folded)
    return low + high


def _undeltas(plain: bytes, shape: tuple[int, int]) -> Codes:
    folded = _from_planes(plain, shape).astype(np.int32)
    return np.cumsum(_unfolded(folded), axis=1).astype(np.uint16)


def _unfolded(folded: NDArray[np.int32]) -> NDArray[np.int32]:
    return (folded >> 1) ^ -(folded & 1)


def _planes(codes: NDArray[np.uint16]) -> tuple[bytes, bytes]:
    return (codes & 255).astype(np.uint8).tobytes(), (codes >> 8).astype(np.uint8).tobytes()


def _from_planes(plain: bytes, shape: tuple[int, ...]) -> Codes:
    both = np.frombuffer(plain, np.uint8, 2 * int(np.prod(shape)))
    low, high = both.reshape(2, *shape).astype(np.uint16)
    made: Codes = low | (high << 8)
    return made


def _packed(plain: bytes, level: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(plain) + packer.flush()


def _expect(kind: int, wanted: int) -> None:
    if kind != wanted:
        raise ValueError(f"format {kind}, not {wanted}")


def _broken(what: str, error: Exception) -> StoreFailed:
    hint = "it was stored by another release, or the database is damaged"
    return StoreFailed(f"{what} cannot be read: {error}", hint=hint)
