"""A plan before it runs: steps with reasons, price, what was rejected, and who ends up where."""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from anypool.cli.client import Client, Json
from anypool.cli.connection import Format
from anypool.cli.output import aligned, show_one
from anypool.cli.price import told
from anypool.cli.terminal import clean, out
from anypool.cli.words import duration, mib, size

_MOST_NAMED = 3
"""Hosts named for one reason, if there are more than one more; `-o json` has them all."""
_AHEAD = frozenset({"recommended", "approved"})
"""Of a plan that ran, nobody can say what its hosts would look like after it."""
_HOLDS = frozenset({"running", "paused", "suspended", "unknown"})


class Share(Struct, frozen=True):
    """What one host carries: the VMs that hold memory there, and how much."""

    vms: int = 0
    memory_mib: int = 0


def show_plan(client: Client, plan: Json, form: Format) -> None:
    """Print a plan; as a table with the hosts before and after it."""
    if form not in ("table", "wide"):
        show_one(plan, (), form)
        return
    hosts = list(client.items("/hosts"))
    vms = {vm["id"]: vm for vm in client.items("/vms", query=_touched(plan, hosts))}
    for line in text_of(plan, hosts, vms):
        out().print(line, markup=False)


def text_of(plan: Json, hosts: Sequence[Json], vms: Mapping[str, Json]) -> list[str]:
    """Return the lines of a preview; `vms` by id holds those on the hosts it touches."""
    lines = [clean(f"Plan {plan['id']}: {plan['goal']}"), clean(_price(plan))]
    if strange := ", ".join(plan.get("unknown", ())):
        lines.append(clean(f"Unknown to this release: {strange}. It can be read, never run."))
    taken = [one["why"] for one in plan.get("redeems", ())]
    lines += map(clean, (*plan.get("waived", ()), *taken, *_nearness(plan), *_taught(plan)))
    lines.append("")
    lines += _section("Steps", [_step(step) for step in plan["steps"]])
    lines += _section("Not chosen", _refusals(plan["rejected"]))
    if plan["state"] in _AHEAD:
        lines += _section("Hosts", _before_and_after(plan, hosts, vms))
    return lines[:-1] if lines[-1] == "" else lines


def _price(plan: Json) -> str:
    cost, count = plan["cost"], len(plan["steps"])
    takes = cost["duration_ms"]
    words = [f"{count} step{'' if count == 1 else 's'}"]
    words.append(f"about {duration(takes)}" if takes else "at once")
    if cost["copy_bytes"]:
        words.append(f"{size(cost['copy_bytes'])} to copy")
    if cost["pause_ms"]:
        words.append(f"longest pause {duration(cost['pause_ms'])}")
    if cost.get("energy_j"):
        words.append(f"{cost['energy_j'] / 3600:.3g} Wh")
    return f"{', '.join(words)}; {plan['state']}"


_BOUNDS = {
    "moves": lambda one: f"{one['reached']} moves",
    "hosts": lambda one: f"{one['reached']} hosts",
    "time": lambda one: duration(one["reached"]),
    "imbalance": lambda one: f"imbalance {one['reached'] / 100:.2f} %",
}
_PROVEN = {
    "moves": lambda one: f"{one['bound']} are needed",
    "hosts": lambda one: f"{one['bound']} are needed",
    "time": lambda one: f"{duration(one['bound'])} for these steps in any order",
    "imbalance": lambda one: f"{one['bound'] / 100:.2f} % by any moves",
}


def _nearness(plan: Json) -> list[str]:
    """Return how near a plan is to what is proven to be the best possible."""
    return [_near(one) for one in plan.get("bounds", ()) if one["what"] in _BOUNDS]


def _near(one: Json) -> str:
    gap, said = one["gap_percent"], _BOUNDS[one["what"]](one)
    best = _PROVEN[one["what"]](one)
    if gap == 0:
        return f"{said}: the best possible"
    if gap is None:
        return f"{said}; the best possible is not below {best}"
    return f"{said}: within {gap:.3g} % of the best possible, {best}"


def _taught(plan: Json) -> list[str]:
    found = plan.get("corrections") or ()
    return [f"Price corrected: {'; '.join(map(told, found))}"] if found else []


def _section(title: str, rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    return [title, *(f"  {line}" for line in aligned(rows)), ""]


def _step(step: Json) -> list[str]:
    after = ", ".join(map(str, sorted(step["after"])))
    waits = f"after {after}" if after else ""
    return [f"{step['number']}.", clean(step["text"]), clean(step["why"]), waits, _went(step)]


def _went(step: Json) -> str:
    """Return what a step was to take and what it took, once it ran."""
    took, quoted = step.get("took_ms"), step["cost"]["duration_ms"]
    return f"took {duration(took)}, quoted {duration(quoted)}" if took else ""


def _refusals(rejected: Sequence[Json]) -> list[list[str]]:
    """Return a row for each VM and reason, with the hosts it is true of: large pools are alike."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for one in rejected:
        hosts.setdefault((one["vm_name"], one["why"]), []).append(one["host_name"])
    return [[clean(f"{vm} on {_few(names)}"), clean(why)] for (vm, why), names in hosts.items()]


def _few(names: Sequence[str]) -> str:
    left = len(names) - _MOST_NAMED
    named = names if left <= 1 else [*names[:_MOST_NAMED], f"{left} more"]
    return ", ".join(named)


def _before_and_after(
    plan: Json, hosts: Sequence[Json], vms: Mapping[str, Json]
) -> list[list[str]]:
    actions = _known(plan)
    touched = {host for action in actions for host in _hosts_of(action)}
    before = {host["id"]: _share(host["id"], vms) for host in hosts if host["id"] in touched}
    after = dict(before)
    closed = {host["id"]: bool(host.get("maintenance")) for host in hosts}
    was_closed = dict(closed)
    memory = _memory(actions, vms)
    for action in actions:
        _apply(action, after, closed, memory)
    return [
        [clean(host["name"]), _words(before[key], was_closed[key]), "->",
         _words(after[key], closed[key])]
        for host in hosts
        if (key := host["id"]) in touched
    ]  # fmt: skip


def _share(host: str, vms: Mapping[str, Json]) -> Share:
    held = [vm["memory_mib"] for vm in vms.values() if vm["host"] == host and vm["state"] in _HOLDS]
    return Share(len(held), sum(held))


def _memory(actions: Sequence[Json], vms: Mapping[str, Json]) -> dict[str, int]:
    """Return the memory in MiB of each VM that is there or that the plan makes."""
    known = {key: int(vm["memory_mib"]) for key, vm in vms.items()}
    made = {action["wish"]["id"]: action["wish"] for action in actions if "wish" in action}
    return known | {key: int(wish.get("memory_mib", 512)) for key, wish in made.items()}


def _apply(
    action: Json, shares: dict[str, Share], closed: dict[str, bool], memory: Mapping[str, int]
) -> None:
    kind, host = action["type"], action.get("host", "")
    if kind in ("enter-maintenance", "leave-maintenance"):
        closed[host] = kind == "enter-maintenance"
    elif (change := _CHANGES.get(kind)) is not None:
        change(action, shares, memory.get(action["vm"], 0))


def _plus(shares: dict[str, Share], host: str, count: int, memory: int) -> None:
    if host in shares:
        old = shares[host]
        shares[host] = Share(old.vms + count, old.memory_mib + count * memory)


def _migrate(action: Json, shares: dict[str, Share], memory: int) -> None:
    _plus(shares, action["source"], -1, memory)
    _plus(shares, action["target"], 1, memory)


_CHANGES: Mapping[str, Callable[[Json, dict[str, Share], int], None]] = {
    "migrate-vm": _migrate,
    "start-vm": lambda action, shares, memory: _plus(shares, action["host"], 1, memory),
    "stop-vm": lambda action, shares, memory: _plus(shares, action["host"], -1, memory),
}


def _known(plan: Json) -> list[Json]:
    """Return the actions of which this release knows what they do."""
    return [step["action"] for step in plan["steps"] if not step.get("unknown")]


def _hosts_of(action: Json) -> list[str]:
    return [action[name] for name in ("source", "target", "host") if action.get(name)]


def _words(share: Share, closed: bool) -> str:
    count = f"{share.vms} VM{'' if share.vms == 1 else 's'}, {mib(share.memory_mib)}"
    text = count if share.vms else "no VM running"
    return f"{text}, in maintenance" if closed else text


def _touched(plan: Json, hosts: Sequence[Json]) -> str:
    ids = {host for action in _known(plan) for host in _hosts_of(action)}
    names = sorted(f'"{host["id"]}"' for host in hosts if host["id"] in ids)
    return f"host.id in ({', '.join(names)})" if names else "limit 1"
