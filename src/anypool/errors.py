"""Every error the product raises on purpose, sorted by what the caller does next.

AnypoolError
├─ Invalid           the request can never work as written; fix it
│  └─ NoPlan         no plan reaches the wish; the refusals say what is missing
├─ NotFound          no such object
├─ Denied            not for this caller
│  └─ NotLoggedIn    say who you are first
├─ NotSupported      this endpoint cannot do that; plan around it
├─ Conflict          the world is not as assumed; observe and plan again
│  └─ Stale          the object changed since it was read; read it again
├─ Busy              somebody else holds it now; try again later
├─ Unreachable       no answer and nothing was sent; retry later
├─ Rejected          the platform said no and changed nothing; give this step up
├─ OutcomeUnknown    it was sent and no answer came; look before doing anything else
│  └─ UnderWay       the platform took it up and goes on by itself; ask its task
└─ StoreFailed       the database is read-only, locked or full; nothing was changed

`Cancelled` is none of them: who tries one way after the other takes them for an answer.
"""


class AnypoolError(Exception):
    """Base of every error raised on purpose.

    `message` says what is wrong in one sentence, `hint` what to do next; both are
    shown to people, so they never hold a secret. `why` and `way_out` are the same as
    values, where somebody made them so (`plan.refuse`).
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.why: object = None
        self.way_out: object = None

    @property
    def in_full(self) -> str:
        """The message, and the hint if there is one."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class Invalid(AnypoolError):
    """The request can never work as written."""


class NoPlan(Invalid):
    """No plan reaches the wish; `refusals` maps a candidate to the reason against it.

    `against` are the same as values, one pair for each.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        refusals: dict[str, str] | None = None,
        against: tuple[tuple[object, object], ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.refusals = refusals or {}
        self.against = against


class NotFound(AnypoolError):
    """There is no such object."""


class Denied(AnypoolError):
    """The caller may not do that; `doing` is who wanted what, where that is known."""

    doing: object = None


class NotLoggedIn(Denied):
    """The caller did not prove who they are."""


class NotSupported(AnypoolError):
    """The endpoint lacks the capability the operation needs."""


class Conflict(AnypoolError):
    """The world is not in the state the request or the plan assumed."""


class Stale(Conflict):
    """The object changed since the caller read it."""


class Busy(AnypoolError):
    """Somebody else works on the object now."""


class Unreachable(AnypoolError):
    """The endpoint gave no answer and nothing was sent; safe to repeat."""


class Rejected(AnypoolError):
    """The platform refused the operation and changed nothing."""


class OutcomeUnknown(AnypoolError):
    """The operation was sent and its result never came back."""


class UnderWay(OutcomeUnknown):
    """The platform took the operation up and goes on by itself; `handle` names its task there."""

    def __init__(self, message: str, *, hint: str = "", handle: str = "") -> None:
        super().__init__(message, hint=hint)
        self.handle = handle


class StoreFailed(AnypoolError):
    """The database refused a write; nothing was changed."""


class Cancelled(Exception):
    """Who asked has left before anything was decided; nothing was changed, and nobody is told."""
