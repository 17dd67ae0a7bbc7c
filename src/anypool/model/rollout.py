"""The rolling maintenance of a pool, as somebody asks for it."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import HostId


class OnFailure(StrEnum):
    """What follows when a wave fails: nothing before somebody looked, or another attempt."""

    STOP = "stop"
    RETRY = "retry"


class RolloutState(StrEnum):
    """The life of a rollout; WAITING is stopped by a failure until somebody continues it."""

    RUNNING = "running"
    PAUSED = "paused"
    WAITING = "waiting"
    DONE = "done"
    CANCELLED = "cancelled"


FINAL_ROLLOUT_STATES = frozenset({RolloutState.DONE, RolloutState.CANCELLED})


class RolloutWish(Struct, frozen=True, kw_only=True, gc=False):
    """Which hosts are maintained, and how.

    At most `max_hosts` are out of service at one time, and only such as share a domain of the
    kind `domain`, or have none; with `across` any. `put_back` returns VMs to where they were;
    `shut_down` stops VMs that cannot move for so long. A host is back when somebody says so;
    with `seen` also when it was away and came up again, for which it has `return_s`.
    `hypervisor` must be in what it says of its hypervisor then. With `waive` failover
    policies may be kept less meanwhile.
    """

    hosts: tuple[HostId, ...]
    max_hosts: int = 1
    domain: str = "rack"
    across: bool = False
    put_back: bool = True
    shut_down: bool = False
    seen: bool = True
    hypervisor: str = ""
    return_s: float = 1200.0
    on_failure: OnFailure = OnFailure.STOP
    retries: int = 3
    retry_after_s: float = 60.0
    waive: bool = False
