"""What the agent inside a guest said when it was asked: QEMU's guest agent, VMware Tools."""

from enum import StrEnum

from msgspec import Struct

from anypool.model.ids import VmId


class AgentState(StrEnum):
    """How the agent of a guest answers.

    `SILENT` is one that was asked and did not answer in time, or is not there to be asked.
    `NONE` is a VM without a way to an agent. `UNKNOWN` is that nobody could ask, or nobody did:
    nothing follows from it.
    """

    ANSWERS = "answers"
    SILENT = "silent"
    NONE = "none"
    UNKNOWN = "unknown"


class AgentReading(Struct, frozen=True, kw_only=True, gc=False):
    """What came of asking the agent of one VM."""

    vm: VmId
    state: AgentState
