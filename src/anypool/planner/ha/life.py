"""Whether a proof still stands: what was seen of its host since."""

from typing import assert_never

from msgspec import Struct

from anypool.model import HostId, LeaseExpired, PowerOff, Proof, SaidGone, Stated, proven_since
from anypool.plan import Reason, reason


class Life(Struct, frozen=True, kw_only=True, gc=False):
    """When a host last showed life on any path but its BMC, and when its power was last read on.

    Seconds since 1970, by the one clock that also stamps proofs; 0 for never.
    """

    host: HostId
    life_at: float = 0.0
    on_at: float = 0.0


def refuted(proof: Proof, life: Life) -> Reason | None:
    """Return why a proof does not stand, None if it does.

    That the host says of a VM that it is gone is no claim about the host: it is read again
    right before the VM is started.
    """
    match proof:
        case SaidGone():
            return None
        case PowerOff():
            if life.on_at >= proof.first_at:
                return reason("ha.power-on", host=life.host)
        case Stated() | LeaseExpired():
            pass
        case _:
            assert_never(proof)
    if life.life_at >= proven_since(proof):
        return reason("ha.lives", host=life.host)
    return None
