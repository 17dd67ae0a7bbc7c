"""What crosses between the manager and its workers: framed messages with typed contents.

A frame is four bytes of length, then msgpack. The types of every operation's arguments
and result are taken from the `Driver` protocol itself, so that there is one table for
all of them and nothing to keep in step. Errors cross by class name, message and hint.
"""

import inspect
import struct
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias, get_type_hints

import msgspec
from msgspec import Raw, Struct

from anypool import errors
from anypool.drivers.base import OPERATIONS
from anypool.drivers.protocol import Driver
from anypool.errors import AnypoolError, OutcomeUnknown, UnderWay, Unreachable
from anypool.model import DiskWish, Endpoint, VmWish

FRAME_BYTES = 64 << 20
READS = frozenset(
    {
        *("info", "observe", "observe_vms", "changes", "measure", "console", "migration"),
        *("traces", "digest", "job", "power", "reaches", "leases"),
        *("hardware", "sensors", "hardware_log"),
        "agents",
    }
)
"""Operations that change nothing: without an answer they are `Unreachable`, safe to repeat."""

_LENGTH = struct.Struct(">I")


class Open(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: what to connect to when `key` is first called; it alone carries a password."""

    key: str
    endpoint: Endpoint
    secret: str

    def __repr__(self) -> str:
        return f"Open({self.key})"


class Call(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: do an operation on the connection `key` and answer with `number`.

    `since` names the full reading that the manager has, for an answer that says what differs.
    `epoch` is that of the manager when it asked, 0 for one that was never given a lease.
    """

    number: int
    key: str
    operation: str
    arguments: Raw
    since: str = ""
    epoch: int = 0


class Mandate(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: do deeds of this epoch, and none from `until` on.

    `until` is in seconds of the machine's steady clock (`SystemClock.monotonic`), which both
    sides share. `site` names the records that the epoch is of: 12 hexadecimal digits.
    """

    site: str
    epoch: int
    until: float


class Abandon(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: refuse all calls on the connection `key` that still wait for it."""

    key: str


class Close(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: give the connection `key` back."""

    key: str


class Answer(Struct, frozen=True, kw_only=True, tag=True):
    """From a worker: the result of a call."""

    number: int
    result: Raw


class Failure(Struct, frozen=True, kw_only=True, tag=True):
    """From a worker: the error that a call ended with; `handle` is that of an `UnderWay`."""

    number: int
    error: str
    message: str
    hint: str = ""
    handle: str = ""


Order: TypeAlias = Open | Call | Abandon | Close | Mandate
Reply: TypeAlias = Answer | Failure

ENCODER = msgspec.msgpack.Encoder()
ORDERS: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
REPLIES: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class WireError(Exception):
    """The other side sent what is no message of ours, or too long a one."""


class Signature:
    """The argument and result types of one operation."""

    def __init__(self, name: str) -> None:
        function: Callable[..., object] = getattr(Driver, name)
        hints = get_type_hints(function)
        result = hints.pop("return")
        self._names = tuple(hints)
        self._parameters = inspect.signature(function)
        self._arguments = msgspec.msgpack.Decoder(tuple.__class_getitem__(tuple(hints.values())))
        self._result = msgspec.msgpack.Decoder(result)

    def pack(self, given: tuple[object, ...], named: dict[str, object]) -> tuple[object, ...]:
        """Return the arguments in the order of the protocol; raise `TypeError`."""
        bound = self._parameters.bind(None, *given, **named)
        bound.apply_defaults()
        return tuple(bound.arguments.values())[1:]

    def wait_s(self, arguments: tuple[object, ...]) -> float:
        """Return how long the operation was asked to wait, 0 for one that does not."""
        if "wait_s" not in self._names:
            return 0.0
        given = arguments[self._names.index("wait_s")]
        return float(given) if isinstance(given, int | float) else 0.0

    def copied_bytes(self, arguments: tuple[object, ...]) -> int:
        """Return how much the operation has to copy before it can answer."""
        wishes = [*arguments]
        wishes += [disk for one in arguments if isinstance(one, VmWish) for disk in one.disks]
        return sum(
            one.size_bytes
            for one in wishes
            if isinstance(one, DiskWish) and one.base and one.format == "raw"
        )

    def arguments(self, encoded: Raw) -> tuple[Any, ...]:
        """Return decoded arguments; raise `WireError` if they are not of the protocol's types."""
        try:
            decoded: tuple[Any, ...] = self._arguments.decode(encoded)
        except msgspec.MsgspecError as error:
            raise WireError(str(error)) from error
        return decoded

    def result(self, encoded: Raw) -> Any:
        """Return a decoded result; raise `WireError` if it is not of the protocol's type."""
        try:
            return self._result.decode(encoded)
        except msgspec.MsgspecError as error:
            raise WireError(str(error)) from error


SIGNATURES: dict[str, Signature] = {
    name: Signature(name) for name in ("info", "observe", "observe_vms", *OPERATIONS)
}
"""Every operation that crosses; `close` is `Close`, which nobody waits for."""


def to_frame(message: Order | Reply, limit_bytes: int) -> bytes:
    """Return a message as a frame; raise `WireError` if it is longer than the limit."""
    body = ENCODER.encode(message)
    if len(body) > limit_bytes:
        raise WireError(f"a message of {len(body)} bytes is longer than {limit_bytes}")
    return _LENGTH.pack(len(body)) + body


def read_frame(read: Callable[[int], bytes], limit_bytes: int) -> bytes | None:
    """Return the body of the next frame, None at the end of the stream.

    `read(n)` returns n bytes, fewer only at the end. Raises `WireError` for a frame that
    is longer than the limit, before reading it, or cut short.
    """
    head = read(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise WireError("the stream ended within a frame")
    (length,) = _LENGTH.unpack(head)
    if length > limit_bytes:
        raise WireError(f"a frame of {length} bytes is longer than {limit_bytes}")
    body = read(length)
    if len(body) < length:
        raise WireError("the stream ended within a frame")
    return body


def failure_of(number: int, operation: str, error: Exception) -> Failure:
    """Return an error as a message; what is not of `anypool.errors` becomes an unknown outcome."""
    if isinstance(error, AnypoolError):
        name = type(error).__name__
        handle = error.handle if isinstance(error, UnderWay) else ""
        return Failure(
            number=number, error=name, message=error.message, hint=error.hint, handle=handle
        )
    kind = Unreachable if operation in READS else OutcomeUnknown
    return Failure(
        number=number,
        error=kind.__name__,
        message=f"the driver failed: {type(error).__name__}",
        hint="the log of the workers says more",
    )


def raise_failure(failure: Failure) -> NoReturn:
    """Raise the error that a worker reported."""
    kind = getattr(errors, failure.error, None)
    if not (isinstance(kind, type) and issubclass(kind, AnypoolError)):
        raise WireError(f"there is no error '{failure.error}'")
    if issubclass(kind, UnderWay):
        raise kind(failure.message, hint=failure.hint, handle=failure.handle)
    raise kind(failure.message, hint=failure.hint)


def no_answer(operation: str, sent: bool, why: str) -> AnypoolError:
    """Return the error for a call that got no answer: a deed that was sent may have happened."""
    hint = "it hangs or is overloaded; look at the hypervisor's service there"
    if sent and operation not in READS:
        return OutcomeUnknown(f"{operation.replace('_', ' ')}: {why}", hint=hint)
    return Unreachable(f"{operation.replace('_', ' ')}: {why}", hint=hint)
