"""A wish that was asked before, without some VMs and hosts: what somebody takes out of a plan.

What is taken out is said as policies of that plan alone, which planners keep like any other.
They are stored with what the plan was made from, so that it can be made again, and taken along
when somebody takes out more.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from anypool.model import HostId, Inventory, OnHosts, Pinned, PlanId, Policy, PolicyId, VmId
from anypool.plan import Plan, hosts_of, vm_of
from anypool.planner.rebalance.search import never
from anypool.planner.rounds import Late, Rounds
from anypool.planner.rules import Rulebook
from anypool.planner.wishes import (
    AnyWish,
    BalanceHosts,
    CreateVms,
    DoAction,
    EvacuateHost,
    FewestHosts,
    MaintainHosts,
    MaintainPool,
    MigrateOne,
    ProveWake,
    RemoveOneCopy,
    SavePower,
    StartOne,
)
from anypool.search.lexer import quoted

MARK = "taken out: "
"""How the policies of one plan begin; no policy that is kept may be called so."""


class Without(Struct, frozen=True, kw_only=True):
    """What is taken out of a plan: VMs that stay where they are, hosts that nothing comes to."""

    vms: frozenset[VmId] = frozenset()
    hosts: frozenset[HostId] = frozenset()


def said(out: Without, inventory: Inventory, plan: PlanId) -> tuple[Policy, ...]:
    """Return what is taken out as policies; `plan` is the one that it was taken out of."""
    return tuple(_said(out, inventory, plan))


def _said(out: Without, inventory: Inventory, from_: str) -> Iterator[Policy]:
    for vm in sorted(out.vms):
        yield Policy(
            id=PolicyId(f"{MARK}VM {inventory.vms[vm].name}"),
            scope=f"id = {quoted(vm)}",
            rule=Pinned(),
            description=from_,
        )
    for host in sorted(out.hosts):
        yield Policy(
            id=PolicyId(f"{MARK}host {inventory.hosts[host].name}"),
            scope="",
            rule=OnHosts(hosts=f"id = {quoted(host)}", avoid=True),
            description=from_,
        )


def taken_out(policies: Iterable[Policy]) -> tuple[Policy, ...]:
    """Return those policies that only say what was taken out of a plan."""
    return tuple(one for one in policies if one.id.startswith(MARK))


def name_of(policy: Policy) -> str:
    """Return the name that what was taken out by a policy had then."""
    return policy.id.removeprefix(MARK).partition(" ")[2]


def read(policies: Iterable[Policy], inventory: Inventory) -> Without:
    """Return what was taken out, as far as it is still there."""
    vms, hosts = set[VmId](), set[HostId]()
    for bound in Rulebook.on(tuple(taken_out(policies)), inventory).bounds:
        if isinstance(bound.rule, Pinned):
            vms |= bound.vms
        else:
            hosts |= bound.hosts
    return Without(vms=frozenset(vms), hosts=frozenset(hosts))


def about(wish: AnyWish) -> Without:
    """Return what a wish is about by name: without that there is nothing left of it."""
    match wish:
        case EvacuateHost(host=host) | ProveWake(host=host):
            return Without(hosts=frozenset({host}))
        case MigrateOne(vm=vm, target=target):
            there = frozenset() if target is None else frozenset({target})
            return Without(vms=frozenset({vm}), hosts=there)
        case RemoveOneCopy(vm=vm, host=host):
            return Without(vms=frozenset({vm}), hosts=frozenset({host}))
        case StartOne(vm=vm):
            return Without(vms=frozenset({vm}))
        case CreateVms(host=host) if host is not None:
            return Without(hosts=frozenset({host}))
        case DoAction(action=action):
            vm_or_none = vm_of(action)
            vms = frozenset() if vm_or_none is None else frozenset({vm_or_none})
            return Without(vms=vms, hosts=frozenset(hosts_of(action)))
        case _:
            return Without()


def reduced(wish: AnyWish, out: Without, inventory: Inventory) -> AnyWish:
    """Return a wish that leaves out what was taken out, and what is not there any more."""
    known = inventory.hosts.keys() - out.hosts
    match wish:
        case BalanceHosts() | FewestHosts():
            alone = wish.left_alone | out.vms
            return replace(wish, hosts=wish.hosts & known, left_alone=alone, rounds=-1)
        case SavePower(order=order):
            kept = replace(
                order,
                hosts=order.hosts & inventory.hosts.keys(),
                keep=order.keep | out.hosts,
                left_alone=order.left_alone | out.vms,
            )
            return replace(wish, order=kept)
        case MaintainPool(rollout=rollout):
            hosts = tuple(one for one in rollout.hosts if one in known)
            return replace(wish, rollout=replace(rollout, hosts=hosts))
        case MaintainHosts(hosts=hosts):
            return replace(wish, hosts=tuple(one for one in hosts if one in known))
        case _:
            return wish


def remade(
    wish: AnyWish, inventory: Inventory, rules: Rulebook, late: Late = never
) -> tuple[Plan, AnyWish]:
    """Return the plan of a wish, and the wish that makes the same plan again without a clock."""
    counted = Rounds(late=late)
    plan = wish.plan(inventory, rules, counted)
    if isinstance(wish, BalanceHosts | FewestHosts):
        return plan, replace(wish, rounds=counted.ended)
    return plan, wish
