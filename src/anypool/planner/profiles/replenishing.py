"""Whether a pool needs a host more, for one that is dead or under load, or one less: pure.

Only spares that the same policy made hosts are given back. What is done about it is a plan like
that of a person who asks for it.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import (
    Host,
    HostId,
    HostState,
    Inventory,
    Level,
    Profile,
    ProfileId,
    Proof,
    ServerId,
    Usage,
    VmId,
)
from anypool.model.policy import Replenish
from anypool.model.proof import proven_since
from anypool.plan import Plan, Reason, plain, reason, say
from anypool.plan.render import told_proof
from anypool.plan.servereffect import bearing, lent
from anypool.planner.saving import busy
from anypool.search import Noun, parse

NEVER = float("inf")
DAY_S = 86_400.0


class Joined(Struct, frozen=True, kw_only=True):
    """A profile by which the policy made a spare a host, and for which dead host, None on load.

    It may be on another spare since: a host that fails over is the same one.
    """

    profile: ProfileId
    instead: HostId | None = None


class Case(Struct, frozen=True, kw_only=True):
    """The hosts of a policy as they are judged.

    `proofs` are those of dead hosts that stand, `joined` what the policy added before. `high_since`
    and `low_since` are since when the load is above and below the limits, 0 for not yet known.
    `begun` is how many plans of the last day began, `ended_at` when the last one ended.
    """

    hosts: frozenset[HostId]
    proofs: Mapping[HostId, Proof]
    joined: tuple[Joined, ...]
    usages: Mapping[VmId, Usage]
    now: float
    high_since: float = 0.0
    low_since: float = 0.0
    begun: int = 0
    ended_at: float = 0.0
    cold_s: float = 0.0


class Need(Struct, frozen=True, kw_only=True):
    """One host more, in a pool; `instead` of a dead one."""

    pool: str
    why: Reason
    instead: HostId | None = None


class Spare(Struct, frozen=True, kw_only=True):
    """A host that was added is not needed any more."""

    server: ServerId
    why: Reason


class Rest(Struct, frozen=True, kw_only=True):
    """Nothing now; `until` is when time alone changes that, and `drop` says that all is well."""

    why: Reason
    until: float = NEVER
    drop: bool = False


class Judged(Struct, frozen=True, kw_only=True):
    """What is wanted, how busy the hosts are in percent, and since when that is much, or little."""

    want: Need | Spare | Rest
    percent: float
    high_since: float
    low_since: float


def judge(rule: Replenish, inventory: Inventory, case: Case) -> Judged:
    """Return what a policy wants now."""
    hosts = [inventory.hosts[key] for key in sorted(case.hosts) if key in inventory.hosts]
    open_ = [one for one in hosts if one.state is HostState.UP and not one.maintenance]
    percent = round(busy(inventory, open_, case.usages), 2)
    high = bool(rule.high_percent and open_ and percent > rule.high_percent)
    back = next(_unneeded(rule, inventory, case, open_), None)
    known = Judged(
        want=Rest(why=reason("replenish.enough", busy=round(percent), count=len(open_)), drop=True),
        percent=percent,
        high_since=(case.high_since or case.now) if high else 0.0,
        low_since=(case.low_since or case.now) if back is not None else 0.0,
    )
    if (found := _lost(rule, inventory, case)) is not None:
        return replace(known, want=_held(rule, (inventory, hosts), case, found))
    if high:
        return replace(
            known, want=_held(rule, (inventory, hosts), case, _hot(rule, open_, known, case))
        )
    if back is not None:
        due = known.low_since + rule.hold_s
        waits = reason("replenish.hold-back", hold=float(rule.hold_s))
        return replace(known, want=back if case.now >= due else Rest(why=waits, until=due))
    return known


def free_profiles(rule: Replenish, inventory: Inventory, pool: str) -> tuple[Profile, ...]:
    """Return the profiles that may make a host of a spare now, by name."""
    wanted = parse(rule.profiles, Noun.PROFILE).filter(inventory.profiles.values(), inventory)
    free = (one for one in wanted if one.server is None and one.pool == pool)
    return tuple(sorted((one for one in free if one.hypervisor), key=lambda one: one.name))


def because(plan: Plan, why: Reason | None) -> Plan:
    """Return a plan whose aim says what it is wished for."""
    if why is None:
        return plan
    aim = reason("aim.because", aim=plan.aim or plain(plan.goal), why=why)
    return replace(plan, aim=aim, goal=say(aim))


def is_missed(inventory: Inventory, host: Host) -> bool:
    """Return whether a host does not answer and nobody meant that.

    Nobody closed it, saving power did not switch it off, and its server is nothing else now.
    """
    if host.state is HostState.UP or host.maintenance or host.power_saved:
        return False
    return host.id not in lent(inventory.profiles.values())


def _host_of(inventory: Inventory, one: Joined) -> Host | None:
    """Return the host that a profile makes now, None if it makes none."""
    profile = inventory.profiles.get(one.profile)
    server = None if profile is None else profile.machine
    return None if server is None else inventory.hosts.get(HostId(server))


def _lost(rule: Replenish, inventory: Inventory, case: Case) -> Need | Rest | None:
    """Return that a dead host is to be replaced, or will be, the longest dead first."""
    replaced = {one.instead for one in case.joined if _host_of(inventory, one) is not None}
    dead = sorted(
        (proven_since(proof), key)
        for key, proof in case.proofs.items()
        if key not in replaced and _is_ours(inventory, key)
    )
    if not dead:
        return None
    since, key = dead[0]
    host = inventory.hosts[key]
    if case.now < since + rule.after_s:
        why = reason("replenish.may-return", host=host.name, after=float(rule.after_s))
        return Rest(why=why, until=since + rule.after_s)
    told = told_proof(case.proofs[key], lambda one: _name(inventory, one))
    ago = round(max(0.0, case.now - since))
    why = reason("replenish.replaces", host=host.name, ago=float(ago), proof=told)
    return Need(pool=host.pool, why=why, instead=key)


def _is_ours(inventory: Inventory, key: HostId) -> bool:
    """Return whether a dead host is one to replace; one that fails over by itself is not."""
    host = inventory.hosts.get(key)
    if host is None or not is_missed(inventory, host):
        return False
    server = inventory.servers.get(ServerId(key))
    profile = None if server is None else bearing(inventory, server)
    return profile is None or profile.failover is Level.DISABLED


def _hot(rule: Replenish, open_: list[Host], known: Judged, case: Case) -> Need | Rest:
    due, shown = known.high_since + rule.hold_s, round(known.percent)
    if case.now < due:
        why = reason("replenish.hold", busy=shown, hold=float(rule.hold_s))
        return Rest(why=why, until=due)
    ago = float(round(case.now - known.high_since))
    why = reason("replenish.overload", busy=shown, limit=round(rule.high_percent), held=ago)
    return Need(pool=min(one.pool for one in open_), why=why)


def _held(
    rule: Replenish, about: tuple[Inventory, list[Host]], case: Case, found: Need | Rest
) -> Need | Rest:
    """Return a need, or what holds it back: the brake, the cap, the rest after the last plan."""
    inventory, hosts = about
    if isinstance(found, Rest):
        return found
    dark = sum(is_missed(inventory, one) for one in hosts)
    if case.cold_s > 0:
        why = reason("replenish.cold", left=float(round(case.cold_s)))
        return Rest(why=why, until=case.now + case.cold_s)
    if dark > 1 and 100 * dark > rule.dark_percent * len(hosts):
        return Rest(why=reason("replenish.dark", dark=dark, all=len(hosts)))
    if case.begun >= rule.most_a_day:
        return Rest(why=reason("replenish.cap", count=case.begun), until=case.now + 600)
    rests = case.ended_at + rule.cool_down_s
    if case.ended_at and case.now < rests:
        return Rest(why=reason("replenish.rests", rest=float(rule.cool_down_s)), until=rests)
    return found


def _unneeded(
    rule: Replenish, inventory: Inventory, case: Case, open_: list[Host]
) -> Iterator[Spare]:
    """Yield the spares that may go again, the newest first."""
    for one in case.joined:
        mine = _host_of(inventory, one)
        others = [host for host in open_ if mine is not None and host.id != mine.id]
        if mine is None or mine not in open_ or not others:
            continue
        if one.instead is not None and not _is_back(inventory, one.instead):
            continue
        without = round(_without(inventory, mine, others, case.usages))
        if without > rule.low_percent:
            continue
        why = reason("replenish.quiet", server=mine.name, busy=without)
        if one.instead is not None:
            back = _name(inventory, one.instead)
            why = reason("replenish.returned", server=mine.name, busy=without, host=back)
        yield Spare(server=ServerId(mine.id), why=why)


def _is_back(inventory: Inventory, key: HostId) -> bool:
    host = inventory.hosts.get(key)
    return host is not None and host.state is HostState.UP and not host.maintenance


def _without(
    inventory: Inventory, mine: Host, others: Iterable[Host], usages: Mapping[VmId, Usage]
) -> float:
    """Return how busy the others would be with what runs on one of them now."""
    rest = list(others)
    all_, left = [*rest, mine], [max(1, one.usable_mib) for one in rest]
    share = sum(max(1, one.usable_mib) for one in all_) / sum(left)
    cpus = sum(max(1, one.cpus) for one in all_) / sum(max(1, one.cpus) for one in rest)
    return busy(inventory, all_, usages) * max(share, cpus)


def _name(inventory: Inventory, key: str) -> str:
    host = inventory.hosts.get(HostId(key))
    return key if host is None else host.name
