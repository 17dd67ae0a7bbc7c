"""A persistent map: changing it costs its own size, and old versions stay as they were."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar
from zlib import crc32

K = TypeVar("K", bound=str)
V = TypeVar("V")

_CHUNKS = 1024


class PMap(Mapping[K, V], Generic[K, V]):
    """An immutable mapping from strings, in 1,024 chunks by a stable hash.

    A change copies one chunk, not the map. The order of iteration depends on the
    content alone, so that equal maps encode to equal bytes.
    """

    __slots__ = ("_chunks", "_size")

    def __init__(self, chunks: tuple[dict[K, V], ...] | None = None, size: int = 0) -> None:
        self._chunks: tuple[dict[K, V], ...] = chunks or ({},) * _CHUNKS
        self._size = size

    @classmethod
    def of(cls, items: Mapping[K, V]) -> "PMap[K, V]":
        """Return a map of all items, built at once."""
        chunks: list[dict[K, V]] = [{} for _ in range(_CHUNKS)]
        for key in sorted(items):
            chunks[_slot(key)][key] = items[key]
        return cls(tuple(chunks), len(items))

    def set(self, key: K, value: V) -> "PMap[K, V]":
        """Return a map in which `key` has `value`."""
        slot = _slot(key)
        old = self._chunks[slot]
        chunk = {**old, key: value}
        if key not in old:
            chunk = dict(sorted(chunk.items()))
        return PMap(self._with(slot, chunk), self._size + (key not in old))

    def drop(self, key: K) -> "PMap[K, V]":
        """Return a map without `key`; the same map if it was not there."""
        slot = _slot(key)
        if key not in self._chunks[slot]:
            return self
        chunk = {k: v for k, v in self._chunks[slot].items() if k != key}
        return PMap(self._with(slot, chunk), self._size - 1)

    def _with(self, slot: int, chunk: dict[K, V]) -> tuple[dict[K, V], ...]:
        return (*self._chunks[:slot], chunk, *self._chunks[slot + 1 :])

    def __getitem__(self, key: K) -> V:
        return self._chunks[_slot(key)][key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self._chunks[_slot(key)]

    def __iter__(self) -> Iterator[K]:
        for chunk in self._chunks:
            yield from chunk

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"PMap({dict(self)!r})"


def _slot(key: str) -> int:
    return crc32(key.encode()) & (_CHUNKS - 1)
