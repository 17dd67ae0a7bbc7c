"""What a failure does: where VMs restart, which do not, and why."""

from anypool.planner.failover.deathmap import DeathMap
from anypool.planner.failover.failure import (
    Failure,
    every,
    of_datastore,
    of_domain,
    of_hosts,
)
from anypool.planner.failover.ground import Ground
from anypool.planner.failover.order import LEVELS, Order
from anypool.planner.failover.recover import plan_recovery, recover
from anypool.planner.failover.recovery import Fate, How, Recovery, proofs, why_there
from anypool.planner.failover.spare import Outlook, Spare, spares, told, weakened

__all__ = [
    "LEVELS",
    "DeathMap",
    "Failure",
    "Fate",
    "Ground",
    "How",
    "Order",
    "Outlook",
    "Recovery",
    "Spare",
    "every",
    "of_datastore",
    "of_domain",
    "of_hosts",
    "plan_recovery",
    "proofs",
    "recover",
    "spares",
    "told",
    "weakened",
    "why_there",
]
