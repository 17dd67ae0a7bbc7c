"""The process table, read from /proc: which processes a server has, and which are emulators.

Nothing here asks libvirt or the supervisor: tests of "runs once" judge both by this.
"""

import os
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

from anypool.lab.records import Emulator

_EMULATOR = "qemu-system-"


def network_namespace(pid: int | str) -> int | None:
    """Inode number of the network namespace of `pid`; None when it is gone, dead or not ours."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return None


def pids_by_namespace(namespaces: Collection[int]) -> dict[int, tuple[int, ...]]:
    """Every living process in each of these network namespaces, oldest first, by one look."""
    found: dict[int, list[int]] = {namespace: [] for namespace in namespaces}
    for pid in _all_pids():
        if (namespace := network_namespace(pid)) in found:
            found[namespace].append(pid)
    return {one: tuple(sorted(pids, key=_start_time)) for one, pids in found.items()}


def pids_in(namespace: int) -> tuple[int, ...]:
    """Every living process in the network namespace with this inode number, oldest first."""
    return pids_by_namespace((namespace,))[namespace]


def emulators_among(pids: Iterable[int]) -> tuple[Emulator, ...]:
    """Those of these processes that are emulators."""
    return tuple(emulator for emulator in map(_emulator, pids) if emulator is not None)


def is_stopped(pid: int) -> bool:
    """Whether every thread of `pid` is stopped, or it is gone."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return True
    return all(_state(f"{pid}/task/{thread}") in ("T", "t", "Z", "X", "") for thread in threads)


def read_namespaces(path: Path) -> dict[str, int]:
    """The network namespaces of the running servers as the supervisor last wrote them."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except FileNotFoundError:
        return {}


def _all_pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _emulator(pid: int) -> Emulator | None:
    try:
        cmdline = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    words = tuple(cmdline.rstrip("\0").split("\0"))
    uuid = _option(words, "-uuid")
    if not os.path.basename(words[0]).startswith(_EMULATOR) or not uuid:
        return None
    name = _option(words, "-name").removeprefix("guest=").partition(",")[0]
    return Emulator(pid=pid, vm_uuid=uuid, vm_name=name, state=_state(str(pid)), cmdline=words)


def _option(words: tuple[str, ...], name: str) -> str:
    return next((value for key, value in pairwise(words) if key == name), "")


def _state(entry: str) -> str:
    fields = _stat_fields(entry)
    return fields[0] if fields else ""


def _start_time(pid: int) -> int:
    fields = _stat_fields(str(pid))
    return int(fields[19]) if fields else 0


def _stat_fields(entry: str) -> list[str]:
    try:
        text = Path(f"/proc/{entry}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
