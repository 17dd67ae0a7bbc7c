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

__all__ = [
    "LEVELS",
    "DeathMap",
    "Failure",
    "Fate",
    "Ground",
    "How",
    "Order",
    "Recovery",
    "every",
    "of_datastore",
    "of_domain",
    "of_hosts",
    "plan_recovery",
    "proofs",
    "recover",
    "why_there",
]
