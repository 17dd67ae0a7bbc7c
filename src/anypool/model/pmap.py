"""A persistent map: changing it costs its own size, and old versions stay as they were."""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import chain, compress
from operator import is_not
from typing import Any, Generic, TypeVar
from zlib import crc32

K = TypeVar("K", bound=str)
V = TypeVar("V")

_CHUNKS = 1024
_NOTHING: dict[Any, Any] = {}
_EMPTY = (_NOTHING,) * _CHUNKS


class PMap(Mapping[K, V], Generic[K, V]):
    """An immutable mapping from strings, in 1,024 chunks by a stable hash.

    A change copies one chunk, not the map. The order of iteration depends on the
    content alone, so that equal maps encode to equal bytes.
    """

    __slots__ = ("_chunks", "_size")

    def __init__(self, chunks: tuple[dict[K, V], ...] | None = None, size: int = 0) -> None:
        self._chunks: tuple[dict[K, V], ...] = chunks or _EMPTY
        self._size = size

    @classmethod
    def of(cls, items: Mapping[K, V]) -> "PMap[K, V]":
        """Return a map of all items, built at once."""
        chunks: list[dict[K, V]] = [_NOTHING] * _CHUNKS
        for key in sorted(items):
            slot = _slot(key)
            if (chunk := chunks[slot]) is _NOTHING:
                chunk = chunks[slot] = {}
            chunk[key] = items[key]
        return cls(tuple(chunks), len(items))

    @property
    def chunks(self) -> tuple[dict[K, V], ...]:
        """Return the chunks, not to be changed; maps share those that are the same object."""
        return self._chunks

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

    def patched(self, changes: Mapping[K, V | None]) -> "PMap[K, V]":
        """Return a map in which each key has its new value, or is gone if that is None.

        Many changes at once copy each chunk that they touch once.
        """
        slots: dict[int, dict[K, V]] = {}
        grown: set[int] = set()
        size = self._size
        for key, value in changes.items():
            slot = _slot(key)
            if (chunk := slots.get(slot)) is None:
                chunk = slots[slot] = dict(self._chunks[slot])
            if value is None:
                size -= chunk.pop(key, None) is not None
                continue
            if key not in chunk:
                size += 1
                grown.add(slot)
            chunk[key] = value
        if not slots:
            return self
        chunks = list(self._chunks)
        for slot, chunk in slots.items():
            chunks[slot] = dict(sorted(chunk.items())) if slot in grown else chunk
        return PMap(tuple(chunks), size)

    def changed_since(self, old: "PMap[K, V]") -> Iterator[K]:
        """Yield every key that is new, gone, or has another value than in `old`.

        Values are compared by identity. Chunks that both maps share are not looked at, so
        that the cost is that of the changes, and never more than one look at each record.
        """
        both = zip(self._chunks, old._chunks, strict=True)
        for mine, theirs in compress(both, map(is_not, self._chunks, old._chunks)):
            for key, value in mine.items():
                if theirs.get(key) is not value:
                    yield key
            for key in theirs:
                if key not in mine:
                    yield key

    def _with(self, slot: int, chunk: dict[K, V]) -> tuple[dict[K, V], ...]:
        return (*self._chunks[:slot], chunk, *self._chunks[slot + 1 :])

    def __getitem__(self, key: K) -> V:
        return self._chunks[_slot(key)][key]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self._chunks[_slot(key)]

    def __iter__(self) -> Iterator[K]:
        return chain.from_iterable(filter(None, self._chunks))

    def values(self) -> ValuesView[V]:
        """Return the values in the order of iteration, without a look-up for each."""
        return _Values(self)

    def items(self) -> ItemsView[K, V]:
        """Return keys and values in the order of iteration, without a look-up for each."""
        return _Items(self)

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"PMap({dict(self)!r})"


class _Values(ValuesView[V]):
    _mapping: PMap[Any, V]

    def __iter__(self) -> Iterator[V]:
        return chain.from_iterable(map(dict.values, filter(None, self._mapping._chunks)))


class _Items(ItemsView[K, V]):
    _mapping: PMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return chain.from_iterable(map(dict.items, filter(None, self._mapping._chunks)))


def _slot(key: str) -> int:
    return crc32(key.encode()) & (_CHUNKS - 1)
