"""What a rehearsal tells: moments on one axis of time, as values."""

from enum import StrEnum

from msgspec import Struct

from anypool.model import HostId, VmId
from anypool.plan import Reason


class Dies(StrEnum):
    """How hosts fail: without power, hanging with it, or without power and without a BMC's word."""

    OFF = "off"
    HANGS = "hangs"
    MUTE = "mute"


class Happens(StrEnum):
    """What a moment is: of the failure, of the guard's looks and decisions, or of a plan's run.

    `STOPPED` is a step that could not be done on the copy, `DOWN` a VM that stays down.
    """

    FAILS = "fails"
    SAW = "saw"
    DECIDED = "decided"
    PROVEN = "proven"
    PLANNED = "planned"
    BEGINS = "begins"
    ENDS = "ends"
    STOPPED = "stopped"
    DOWN = "down"


class Moment(Struct, frozen=True, kw_only=True):
    """What happens at `at_ms` after the failure; `host` and `vm` are those that it is about.

    A step of the plan number `plan` has a number in it; both are 0 for others. With `runs_on`
    the VM runs there from then on.
    """

    at_ms: int
    what: Happens
    said: Reason
    host: HostId | None = None
    vm: VmId | None = None
    plan: int = 0
    step: int = 0
    runs_on: HostId | None = None
