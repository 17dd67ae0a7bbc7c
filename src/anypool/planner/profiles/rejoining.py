"""A hypervisor that fails over is the same host on other hardware, with the same VMs: pure.

Its VMs are in no hurry to wait: whoever has a place elsewhere starts there once the old hardware
is proven off, which is sooner than any server boots. The others wait for the spare.
"""

from msgspec.structs import replace

from anypool.model import HOLDS_MEMORY, Host, HostId, Inventory, Profile, Server
from anypool.plan import FenceHost, Plan, PowerOffServer, Reason, Step, reason
from anypool.plan.price import CostModel, priced
from anypool.planner.failover import Ground, Order, of_hosts, recover
from anypool.planner.profiles.hosting import add_joining
from anypool.planner.profiles.steps import Steps
from anypool.planner.rules import Rulebook

_MODEL = CostModel()


def host_of(inventory: Inventory, profile: Profile) -> Host | None:
    """Return the host that a profile made of the server that bears it, None if it made none."""
    key = profile.machine
    host = None if key is None else inventory.hosts.get(HostId(key))
    made = host is not None and profile.hypervisor and host.endpoint == profile.name
    return host if made else None


def against(inventory: Inventory, profile: Profile, server: Server) -> Reason | None:
    """Return why a server cannot be another host: it is one, with a system of its own."""
    host = inventory.hosts.get(server.host)
    if host is None or host_of(inventory, profile) is None:
        return None
    return reason("fail.another-host", server=server.name, endpoint=host.endpoint)


def rejoin(steps: Steps, inventory: Inventory, profile: Profile, server: Server) -> None:
    """Add what takes the spare into the pool in place of the hardware that failed."""
    host = host_of(inventory, profile)
    if host is not None:
        why = reason("join.rejoins", host=host.name, server=server.name)
        add_joining(steps, inventory, profile, server, (why, host))


def of_vms(steps: Steps, inventory: Inventory, host: Host | None, rules: Rulebook) -> Reason | None:
    """Return what becomes of the VMs of a host, and how soon either way; None if it has none.

    Seconds are those of the model of prices, without what runs have taught.
    """
    if host is None or not any(vm.state in HOLDS_MEMORY for vm in inventory.vms_on(host.id)):
        return None
    ground, order = Ground(inventory, rules, earnest=True), Order(inventory, rules, ())
    fates = recover(ground, order, of_hosts([host.id]))
    proof = [one for one in steps.made[:1] if isinstance(one.action, FenceHost | PowerOffServer)]
    return reason(
        "fail.host-back",
        host=host.name,
        elsewhere=len(fates.restarted),
        soon=_seconds(proof, inventory),
        waiting=len(fates.lost),
        late=_seconds(steps.made, inventory),
    )


def _seconds(steps: list[Step], inventory: Inventory) -> int:
    """Return about how long steps take, and a VM to start after them."""
    plan = Plan(goal="", aim=reason("bear.starts"), steps=tuple(steps), based_on="")
    cost = priced(plan, inventory, _MODEL, 1).cost
    return max(1, round((cost.duration_ms + _MODEL.short_ms) / 1000))


def told_at_power_on(steps: Steps, number: int, why: Reason | None) -> None:
    """Say why a server is started, in the step of that number; None leaves what was said."""
    if why is not None:
        steps.made[number - 1] = replace(steps.made[number - 1], why=why)
