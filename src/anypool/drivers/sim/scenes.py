"""Failures to play on a simulated world, by name, and undoing them.

A scene changes the file of a world that drivers in other processes have open: they notice
by themselves.
"""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from anypool.drivers.sim.records import Fault, FaultKind, SimCopy, SimDatastore
from anypool.drivers.sim.state import State
from anypool.drivers.sim.world import World
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import VM_ALIVE, HostId, StateReason, VmState

_MOST_NAMED = 8
_EXAMPLES = {"host": "h07", "vm": "mail-01", "datastore": "flash-north"}


class Scene(Struct, frozen=True, kw_only=True):
    """One thing that can go wrong; `target` is what it happens to: host, vm, datastore or ""."""

    name: str
    target: str
    about: str


SCENES: dict[str, Scene] = {
    scene.name: scene
    for scene in (
        Scene(name="host-down", target="host", about="the host loses power; its VMs end"),
        Scene(name="host-freeze", target="host", about="the host stands still and answers nobody"),
        Scene(name="network-cut", target="host", about="nobody reaches the host; its VMs run on"),
        Scene(name="slow-migration", target="host", about="migrations away from the host crawl"),
        Scene(
            name="broken-migration",
            target="",
            about="the next migration breaks while memory is copied",
        ),
        Scene(
            name="lost-answer",
            target="",
            about="the next migration succeeds, and its source never hears of it",
        ),
        Scene(name="lost-word", target="", about="the next deed is done, and its answer is lost"),
        Scene(name="datastore-full", target="datastore", about="somebody fills the datastore"),
        Scene(name="vm-crash", target="vm", about="the guest crashes"),
        Scene(name="by-hand", target="vm", about="somebody powers the VM off behind our back"),
        Scene(name="heal", target="", about="undo all of the above; or HOST, only there"),
    )
}


class Stage:
    """The world in a file, as whoever plays failures on it sees it; safe in many threads."""

    def __init__(self, path: Path) -> None:
        self._world = World("stage", path=path)

    def close(self) -> None:
        """Close the file."""
        self._world.close()

    def play(self, name: str, target: str) -> str:
        """Let a scene happen; return what happened, in words.

        Raises `NotFound` for a scene or target there is not, `Invalid` for a target too many
        or too few, `Conflict` where the scene cannot happen.
        """
        if (scene := SCENES.get(name)) is None:
            hint = f"there are: {', '.join(SCENES)}"
            raise NotFound(f"there is no scene {name[:40]!r}", hint=hint)
        if bool(target) != bool(scene.target) and not (name == "heal" and target):
            if scene.target:
                hint = f"such as `{name} {_EXAMPLES[scene.target]}`"
                raise Invalid(f"{name} needs the name of a {scene.target}", hint=hint)
            raise Invalid(f"{name} takes no name", hint="leave it out")
        return _PLAY[name](self._world, target)

    def trouble(self) -> tuple[str, ...]:
        """Return what is wrong at the moment, in words."""
        with self._world.turn() as state:
            return tuple(_hosts_in_trouble(state) + _datastores_in_trouble(state) + _waiting(state))

    def judged(self) -> tuple[int, int]:
        """Return how often a VM ran twice, and how many VMs were lost, as the world itself saw."""
        return len(self._world.double_runs), len(self._world.losses)


def _host_down(world: World, target: str) -> str:
    host = _host(world, target)
    world.kill_host(host)
    return f"{target} has lost power; what ran there has ended"


def _host_freeze(world: World, target: str) -> str:
    host = _host(world, target)
    with world.turn() as state:
        if not state.host(host).alive:
            raise Conflict(f"{target} is down and cannot freeze", hint=f"play heal {target} first")
    world.freeze_host(host)
    return f"{target} stands still; a deadline must pass before anybody can know"


def _network_cut(world: World, target: str) -> str:
    world.cut_host(_host(world, target))
    return f"nobody reaches {target}; its VMs run on"


def _slow_migration(world: World, target: str) -> str:
    host = _host(world, target)
    world.inject(Fault(kind=FaultKind.SLOW, operation="begin_migration", host=host, times=-1))
    return f"migrations away from {target} crawl from now on"


def _next_migration(kind: FaultKind, words: str) -> Callable[[World, str], str]:
    def play(world: World, target: str) -> str:
        world.inject(Fault(kind=kind, operation="begin_migration"))
        return f"the next migration {words}"

    return play


def _lost_word(world: World, target: str) -> str:
    for operation in ("create_vm", "start_vm", "power_off_vm", "shut_down_vm", "create_snapshot"):
        world.inject(Fault(kind=FaultKind.LOST_ANSWER, operation=operation))
    return "the next time a VM is made, started, stopped or snapshotted, the answer is lost"


def _datastore_full(world: World, target: str) -> str:
    with world.turn() as state:
        names = {str(row.datastore.name): key for key, row in state.datastores.rows.items()}
        key = _key("datastore", names, target)
        row = state.datastores.rows[key]
        full = replace(row.datastore, free_bytes=0)
        filled = row.filled_bytes + row.datastore.free_bytes
        state.datastores.put(key, replace(row, datastore=full, filled_bytes=filled))
    return f"{target} is full"


def _vm_crash(world: World, target: str) -> str:
    _end_vm(world, target, VmState.CRASHED)
    return f"{target} has crashed"


def _by_hand(world: World, target: str) -> str:
    _end_vm(world, target, VmState.STOPPED)
    return f"somebody has powered {target} off"


def _end_vm(world: World, target: str, to: VmState) -> None:
    with world.turn() as state:
        rows = sorted(state.copies.rows.items(), key=lambda row: row[1].vm.state in VM_ALIVE)
        copies = {copy.vm.name: key for key, copy in rows}
        copy = state.copies.rows[_key("VM", copies, target)]
        if copy.vm.state not in VM_ALIVE or copy.vm.host is None:
            raise Conflict(f"{target} is {copy.vm.state}", hint="choose one that runs")
        if copy.vm.id in state.moves.rows:
            raise Conflict(f"{target} is being migrated", hint="wait until that is over")
        ended = replace(copy.vm, state=to, reason=StateReason.NONE)
        state.put_copy(copy.vm.host, copy.vm.id, SimCopy(vm=ended))


def _heal(world: World, target: str) -> str:
    if target:
        _heal_host(world, _host(world, target))
        return f"{target} is well; what ended there stays stopped until somebody starts it"
    with world.turn() as state:
        hosts = [HostId(key) for key in state.hosts.rows]
        for key, row in tuple(state.datastores.rows.items()):
            if row.filled_bytes:
                state.datastores.put(key, _emptied(row))
    for host in hosts:
        _heal_host(world, host)
    world.clear_faults()
    return "all is well; VMs that ended stay stopped until somebody starts them"


def _heal_host(world: World, host: HostId) -> None:
    with world.turn() as state:
        row = state.host(host)
        mine = [key for key, fault in state.faults.rows.items() if fault.host == host]
        for key in mine:
            state.faults.put(key, None)
    if not row.alive:
        world.boot_host(host)
    if not row.reachable:
        world.heal_host(host)
    if row.frozen_at:
        world.thaw_host(host)


def _emptied(row: SimDatastore) -> SimDatastore:
    free = row.datastore.free_bytes + row.filled_bytes
    return replace(row, datastore=replace(row.datastore, free_bytes=free), filled_bytes=0)


_PLAY: dict[str, Callable[[World, str], str]] = {
    "host-down": _host_down,
    "host-freeze": _host_freeze,
    "network-cut": _network_cut,
    "slow-migration": _slow_migration,
    "broken-migration": _next_migration(FaultKind.LOST_MEMORY, "breaks while memory is copied"),
    "lost-answer": _next_migration(
        FaultKind.LOST_FINISH, "succeeds, and its source never hears of it"
    ),
    "lost-word": _lost_word,
    "datastore-full": _datastore_full,
    "vm-crash": _vm_crash,
    "by-hand": _by_hand,
    "heal": _heal,
}


def _host(world: World, name: str) -> HostId:
    with world.turn() as state:
        names = {row.host.name: key for key, row in state.hosts.rows.items()}
    return HostId(_key("host", names, name))


def _key(kind: str, names: dict[str, str], name: str) -> str:
    if (found := names.get(name)) is None:
        some = sorted(names)[:_MOST_NAMED]
        more = ", ..." if len(names) > len(some) else ""
        hint = f"there are: {', '.join(some)}{more}"
        raise NotFound(f"there is no {kind} {name[:80]!r}", hint=hint)
    return found


def _hosts_in_trouble(state: State) -> list[str]:
    words = []
    for row in state.hosts.rows.values():
        if not row.alive:
            words.append(f"{row.host.name} is down")
        if not row.reachable:
            words.append(f"{row.host.name} is cut off")
        if row.frozen_at:
            words.append(f"{row.host.name} is frozen")
    return words


def _datastores_in_trouble(state: State) -> list[str]:
    rows = state.datastores.rows.values()
    return [f"{row.datastore.name} is full" for row in rows if row.filled_bytes]


def _waiting(state: State) -> list[str]:
    words = []
    for fault in state.faults.rows.values():
        place = f" on {state.host(fault.host).host.name}" if fault.host else ""
        often = "every" if fault.times < 0 else "the next"
        words.append(f"{often} {fault.operation.replace('_', ' ') or 'call'}{place}: {fault.kind}")
    return words
