"""From policies, which are words, to bound rules, which are sets of ids on one inventory."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.structs import replace

from anypool.errors import Invalid
from anypool.model import (
    ALWAYS_MUST,
    HOST_SCOPED,
    Automation,
    Balance,
    Bound,
    Failover,
    Headroom,
    HighAvailability,
    HostId,
    Inventory,
    Level,
    Licence,
    MaxVms,
    NoMigration,
    OnHosts,
    Policy,
    PowerSaving,
    Spread,
    Strength,
    Vm,
    VmId,
)
from anypool.model.policy import Replenish
from anypool.model.window import window_of
from anypool.search import Noun, Query, parse

_WEEK_S = 7 * 86_400


def bind(policies: Iterable[Policy], inventory: Inventory) -> tuple[Bound, ...]:
    """Return the enabled policies as bound rules, by the policies' ids.

    One that can no longer be read (a field that went away) raises `Invalid`.
    """
    ordered = sorted(policies, key=lambda policy: policy.id)
    return tuple(_bound(policy, inventory) for policy in ordered if policy.enabled)


def joined_by(
    bounds: Iterable[Bound], policies: Iterable[Policy], world: Inventory, vms: tuple[Vm, ...]
) -> tuple[Bound, ...]:
    """Return bound rules that also bind VMs which were added to their inventory, on no host.

    Such VMs change nothing about hosts and other VMs, so that only they are looked at.
    """
    scopes = {policy.id: policy for policy in policies}
    found = []
    for bound in bounds:
        policy = scopes.get(bound.policy)
        if policy is not None and not isinstance(policy.rule, HOST_SCOPED):
            matching = _query(policy.scope, Noun.VM).filter(vms, world)
            bound = replace(bound, vms=bound.vms.union(vm.id for vm in matching))
        found.append(bound)
    return tuple(found)


def naming(
    bounds: Iterable[Bound], policies: Iterable[Policy], inventory: Inventory, vm: Vm
) -> list[Bound]:
    """Return which bound rules would name a VM that is only wished for, as they are."""
    scopes = {policy.id: policy for policy in policies}
    world: Inventory | None = None
    found = []
    for bound in bounds:
        policy = scopes.get(bound.policy)
        if policy is None or isinstance(policy.rule, HOST_SCOPED):
            continue
        world = world or inventory.with_vm(vm)
        if _query(policy.scope, Noun.VM).test(world)(vm):
            found.append(bound)
    return found


def checked(policy: Policy) -> Policy:
    """Return a policy whose words make sense; raise `Invalid` where they do not."""
    queries(policy)
    if policy.strength is Strength.SHOULD and isinstance(policy.rule, ALWAYS_MUST):
        kind = type(policy.rule).__struct_config__.tag
        raise Invalid(f"a rule of kind {kind} cannot be a mere preference", hint="make it a must")
    match policy.rule:
        case Spread(minimum=minimum) if minimum < 2:
            raise Invalid(f"a spread over {minimum} domains says nothing", hint="use 2 or more")
        case MaxVms(maximum=maximum) if maximum < 0:
            raise Invalid("a host cannot run fewer than 0 VMs", hint="use 0 or more")
        case Headroom(memory_percent=memory, vcpus_percent=vcpus) if not (memory or vcpus):
            raise Invalid("a headroom of nothing says nothing", hint="name memory or vCPUs")
        case Headroom(memory_percent=memory) if not 0 <= memory < 100:
            raise Invalid(f"{memory} % of the memory cannot be kept free", hint="use 0 to 99")
        case Failover(failures=failures) if not 1 <= failures <= 8:
            raise Invalid(f"{failures} failures cannot be provided for", hint="use 1 to 8")
        case Licence(sockets=sockets) if sockets < 0:
            raise Invalid(f"{sockets} sockets cannot be licensed", hint="use 0 for any number")
        case Automation(level=Level.SHADOW):
            raise Invalid("a VM cannot be in shadow", hint="use disabled, or shadow in the policy")
        case Balance() | PowerSaving() | Replenish() | HighAvailability():
            _check_watched(policy.rule)
        case _:
            pass
    return policy


def _check_watched(rule: Balance | PowerSaving | Replenish | HighAvailability) -> None:
    if isinstance(rule, Balance):
        _check_balance(rule)
    elif isinstance(rule, PowerSaving):
        check_power(rule)
    elif isinstance(rule, Replenish):
        _check_replenish(rule)
    else:
        _check_ha(rule)


def _check_balance(rule: Balance) -> None:
    window_of(rule.window)
    weights = (rule.memory, rule.cpu, rule.network, rule.disk)
    if rule.level is Level.DISABLED:
        raise Invalid("a balance at level disabled does nothing", hint="disable the policy")
    if not all(0 <= weight <= 1000 for weight in weights) or not any(weights):
        raise Invalid("weights are 0 to 1000, and one of them more", hint="such as --cpu 100")
    times = (rule.hold_s, rule.cool_down_s)
    if not all(0 <= time <= _WEEK_S for time in times) or not 60 <= rule.lookback_s <= _WEEK_S:
        raise Invalid("a time is 0 seconds to a week, a lookback a minute or more")
    percents = (rule.threshold_percent, rule.margin_percent)
    if not all(0 <= percent <= 100 for percent in percents):
        raise Invalid("threshold and margin are 0 to 100 %", hint="such as --threshold-percent 5")
    if not 0 <= rule.at_once <= 1000:
        raise Invalid(f"{rule.at_once} moves at once are not possible", hint="0 is no limit")


def check_power(rule: PowerSaving) -> None:
    """Raise `Invalid` for bounds of saving power that make no sense."""
    window_of(rule.window)
    window_of(rule.up)
    parse(rule.keep, Noun.HOST)
    if rule.level is Level.DISABLED:
        raise Invalid("saving power at level disabled does nothing", hint="disable the policy")
    if not 0 <= rule.low_percent < rule.high_percent <= 100:
        hint = "such as 40 and 75: the distance keeps hosts from going on and off"
        raise Invalid("low is to be below high, both 0 to 100 %", hint=hint)
    if not all(0 <= time <= _WEEK_S for time in (rule.hold_s, rule.cool_down_s)):
        raise Invalid("a time is 0 seconds to a week")
    if not 0 <= rule.reserve <= 1000:
        raise Invalid("hosts in reserve are 0 to 1000", hint="such as 1")
    if not 1 <= rule.proven_days <= 3650:
        raise Invalid("a proof holds for 1 to 3650 days", hint="such as 30")


def _check_replenish(rule: Replenish) -> None:
    window_of(rule.window)
    parse(rule.profiles, Noun.PROFILE)
    if rule.level is Level.DISABLED:
        raise Invalid("replenishing at level disabled does nothing", hint="disable the policy")
    times = (rule.after_s, rule.hold_s, rule.cool_down_s, rule.cold_s)
    if not all(0 <= time <= _WEEK_S for time in times):
        raise Invalid("a time is 0 seconds to a week")
    if not all(0 <= percent <= 100 for percent in (rule.high_percent, rule.dark_percent)):
        raise Invalid("a share is 0 to 100 %", hint="such as --high-percent 85; 0 for never")
    if not 0 <= rule.low_percent < (rule.high_percent or 100):
        hint = "such as 50 and 85: the distance keeps spares from coming and going"
        raise Invalid("low is to be below high, both 0 to 100 %", hint=hint)
    if not 1 <= rule.most_a_day <= 100:
        raise Invalid("1 to 100 spares join in a day at most", hint="such as --most-a-day 2")


def _check_ha(rule: HighAvailability) -> None:
    parse(rule.best_effort, Noun.VM)
    parse(rule.agent_vms, Noun.VM)
    if rule.level is Level.DISABLED:
        hint = "disable the policy"
        raise Invalid("high availability at level disabled does nothing", hint=hint)
    if not 5 <= rule.silent_s <= _WEEK_S:
        raise Invalid("a host is silent for 5 s to a week before anything is done")
    if not 1 <= rule.power_every_s <= 3600:
        raise Invalid("the power of a silent host is read every second to every hour")
    times = (rule.fences_within_s, rule.cold_s, rule.turn_s, rule.store_lost_s)
    if not all(0 <= time <= _WEEK_S for time in times):
        raise Invalid("a time is 0 seconds to a week")
    if not all(0 <= percent <= 100 for percent in (rule.fences_percent, rule.dark_percent)):
        raise Invalid("a share of the hosts is 0 to 100 %", hint="such as --dark-percent 50")
    if not all(0 <= count <= 1000 for count in (rule.in_place, rule.tries, rule.guest_resets)):
        raise Invalid("a VM is tried 0 to 1000 times", hint="such as --in-place 3 --tries 10")
    if rule.guest_silent_s and not 10 <= rule.guest_silent_s <= _WEEK_S:
        raise Invalid("a guest is silent for 10 s to a week before it is reset", hint="0 for never")
    if rule.agent_silent_s and not 10 <= rule.agent_silent_s <= _WEEK_S:
        hint = "0 for never; such as --agent-silent-s 60"
        raise Invalid("an agent is silent for 10 s to a week before it counts", hint=hint)
    if not 10 <= rule.agent_quiet_s <= _WEEK_S:
        hint = "such as --agent-quiet-s 120"
        raise Invalid("a VM moves nothing for 10 s to a week before it counts as hung", hint=hint)


def _bound(policy: Policy, inventory: Inventory) -> Bound:
    vms: frozenset[VmId] = frozenset()
    hosts: frozenset[HostId] = frozenset()
    targets: frozenset[HostId] = frozenset()
    scope, *others = queries(policy)
    if isinstance(policy.rule, HOST_SCOPED):
        hosts = _hosts(scope, inventory)
    else:
        rows = inventory.vms.values()
        vms = frozenset(vm.id for vm in scope.filter(rows, inventory))
    if others:
        hosts = _hosts(others[0], inventory)
    if len(others) > 1:
        targets = _hosts(others[1], inventory)
    return Bound(
        policy=policy.id,
        rule=policy.rule,
        strength=policy.strength,
        vms=vms,
        hosts=hosts,
        targets=targets,
    )


def _hosts(query: Query, inventory: Inventory) -> frozenset[HostId]:
    return frozenset(host.id for host in query.filter(inventory.hosts.values(), inventory))


def queries(policy: Policy) -> list[Query]:
    """Return the scope's query and those that the rule names, each for its own noun."""
    of_hosts = isinstance(policy.rule, HOST_SCOPED)
    scope = _query(policy.scope, Noun.HOST if of_hosts else Noun.VM)
    match policy.rule:
        case OnHosts(hosts=hosts) | Licence(hosts=hosts):
            return [scope, _query(hosts, Noun.HOST)]
        case NoMigration(source=source, target=target):
            return [scope, _query(source, Noun.HOST), _query(target, Noun.HOST)]
        case _:
            return [scope]


@lru_cache(maxsize=1024)
def _query(text: str, noun: Noun) -> Query:
    query = parse(text, noun)
    if query.limit is not None:
        raise Invalid(f"'{text}' has a limit", hint="a rule binds all that match, or none")
    return query
