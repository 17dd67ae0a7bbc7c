"""What a look can lead to: the vocabulary between judging and acting."""

from enum import StrEnum
from typing import TypeAlias

import msgspec
from msgspec import Struct

from anypool.model import Place
from anypool.plan import Reason


class Deed(StrEnum):
    """One call that changes the world; `PERFORM` is the action itself."""

    PERFORM = "perform"
    RESUME_TARGET = "resume-target"
    RESUME_SOURCE = "resume-source"
    DISCARD_TARGET = "discard-target"
    DISCARD_SOURCE = "discard-source"
    CANCEL_MIGRATION = "cancel-migration"
    DELETE_VOLUMES = "delete-volumes"
    FORCE_OFF = "force-off"


class Act(Struct, frozen=True, gc=False, tag=True):
    """Do something, once the same has been seen for `patience_s` seconds in two looks."""

    deed: Deed
    why: Reason | None
    patience_s: float = 0.0


class Done(Struct, frozen=True, gc=False, tag=True):
    """It is so, once seen for `patience_s` in two looks."""

    message: Reason | None = None
    patience_s: float = 0.0


class Wait(Struct, frozen=True, gc=False, tag=True):
    """Nothing can be said or done yet; look again, and `soon` while a guest stands still."""

    why: Reason | None = None
    soon: bool = False


class Fail(Struct, frozen=True, gc=False, tag=True):
    """It cannot be, and nothing is half done; once seen for `patience_s` in two looks."""

    why: Reason
    patience_s: float = 0.0


class AskHuman(Struct, frozen=True, gc=False, tag=True):
    """Whatever is done next might do harm; once seen for `patience_s` in two looks."""

    why: Reason
    patience_s: float = 0.0


class Withdraw(Struct, frozen=True, gc=False, tag=True):
    """It was called back and is as it was before."""

    why: Reason | None = None
    patience_s: float = 0.0


Decision: TypeAlias = Act | Done | Wait | Fail | AskHuman | Withdraw


class Memory(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a step must not forget over a restart; kept in its journal row.

    `sent`: the action may have reached the platform. `sent_at` is when it was last sent (seconds
    since 1970), `handle` what the platform calls its task, "" where it has none or that was
    lost. `held`: the migration leaves the target paused. `paused`: the VM was paused before.
    `never_ran`: the copy at the target was discarded before it ran. `stale`: the source ran on
    after the target had its copy, which is worth nothing since. `called_back`: cancelling was
    sent. `volumes`: what a deletion is to delete, `spared`: which of the VM's volumes it must
    not, since they are not its alone. Of a host that is serviced: `away_at` is since when it is
    away (seconds since 1970, 0 if it is not), `away` that it was away long enough to have been
    serviced, `said` that somebody said it is ready.
    """

    sent: bool = False
    sent_at: float = 0.0
    handle: str = ""
    held: bool = False
    paused: bool = False
    never_ran: bool = False
    stale: bool = False
    called_back: bool = False
    volumes: tuple[Place, ...] = ()
    spared: tuple[Place, ...] = ()
    away_at: float = 0.0
    away: bool = False
    said: bool = False


_memory = msgspec.json.Decoder(Memory)


def remember(memory: Memory) -> str:
    """Return the memory as the journal keeps it."""
    return msgspec.json.encode(memory).decode()


def recall(text: str) -> Memory:
    """Return the memory of a journal row; an empty text is an empty memory."""
    return _memory.decode(text) if text else Memory()
