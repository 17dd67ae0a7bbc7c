"""What is thought of one guarded host, and what was done about it."""

from msgspec import Struct

from anypool.model import HostId, PolicyId, VmId
from anypool.plan import Reason
from anypool.planner.ha.decide import Decision
from anypool.planner.ha.detect import Verdict


class Standing(Struct, frozen=True, kw_only=True):
    """What the guard last thought of one host, and what it did about that."""

    host: HostId
    policy: PolicyId
    verdict: Verdict
    decision: Decision
    at_risk: tuple[VmId, ...] = ()
    said: Reason | None = None
