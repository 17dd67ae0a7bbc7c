"""A conversation with another manager that does looks for us: one websocket, kept alive."""

import logging
import ssl
import threading

import msgspec
from msgspec import Raw, Struct
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from anypool.clock import Clock
from anypool.drivers.process import Pending
from anypool.drivers.wire import ENCODER, FRAME_BYTES, REPLIES, Reply

log = logging.getLogger(__name__)

KEY_HEADER = "x-anypool-lent"
PATH = "/api/v1/managers/looks"
_BEAT_S, _SILENT_S = 1.0, 3.0
_CONNECT_S = 3.0
_AGAIN_S = 1.0
_SLACK_S = 5.0


class Ask(Struct, frozen=True, kw_only=True):
    """To another manager: do a look at an endpoint of a pool, of which it has this lease."""

    number: int
    endpoint: str
    pool: str
    epoch: int
    operation: str
    arguments: Raw
    since: str = ""


ASKS: msgspec.msgpack.Decoder[Ask] = msgspec.msgpack.Decoder(Ask)


class Place(Struct, frozen=True, kw_only=True):
    """Where a pool is looked after: by whom, at what address, trusting what, with what key.

    `near` says that it is on the machine of the one that leads.
    """

    holder: str
    url: str
    key: str
    epoch: int
    near: bool
    certificate: str = ""


def trusted(certificate: str) -> ssl.SSLContext | None:
    """Return what trusts one manager's certificate, PEM, and no other; None where it has none."""
    if not certificate:
        return None
    context = ssl.create_default_context(cadata=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


class Link:
    """A conversation with one manager, begun again whenever it breaks."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self.place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._socket: ClientConnection | None = None
        self._pending: dict[int, Pending] = {}
        self._number = 0
        self._over = threading.Event()
        self._down_since = clock.monotonic()
        threading.Thread(target=self._run, name=f"lent-{place.holder}", daemon=True).start()

    @property
    def down_s(self) -> float:
        """Return for how long nothing came through, 0.0 while it does."""
        with self._lock:
            up = self._socket is not None
        return 0.0 if up else self._clock.monotonic() - self._down_since

    def close(self) -> None:
        """End the conversation; what was asked for gets no answer."""
        self._over.set()
        with self._lock:
            socket = self._socket
        if socket is not None:
            threading.Thread(target=socket.close, daemon=True).start()
        self._forsake()

    def ask(self, order: Ask, limit_s: float) -> Reply | None:
        """Return the answer; None if there is none."""
        with self._lock:
            socket = self._socket
            self._number += 1
            pending = Pending(self._number, order.endpoint, order.operation)
            if socket is None or self._over.is_set():
                return None
            self._pending[pending.number] = pending
        try:
            socket.send(ENCODER.encode(msgspec.structs.replace(order, number=pending.number)))
            self._clock.wait(pending.done, limit_s + _SLACK_S)
        except (OSError, WebSocketException):
            return None
        finally:
            with self._lock:
                self._pending.pop(pending.number, None)
        return pending.reply

    def _run(self) -> None:
        told = ""
        while not self._over.is_set():
            try:
                with self._connected() as socket:
                    told = ""
                    self._listen(socket)
            except (OSError, ValueError, WebSocketException) as error:
                if str(error) != told:
                    log.warning("looks at %s: %s", self.place.url, error)
                told = str(error)
            finally:
                with self._lock:
                    if self._socket is not None:
                        self._down_since = self._clock.monotonic()
                    self._socket = None
                self._forsake()
            self._clock.wait(self._over, _AGAIN_S)

    def _connected(self) -> ClientConnection:
        return connect(
            "ws" + self.place.url.removeprefix("http") + PATH,
            ssl=trusted(self.place.certificate),
            additional_headers={KEY_HEADER: self.place.key},
            compression=None,
            max_size=FRAME_BYTES,
            open_timeout=_CONNECT_S,
            ping_interval=_BEAT_S,
            ping_timeout=_SILENT_S - _BEAT_S,
            close_timeout=_BEAT_S,
            proxy=None,
        )

    def _listen(self, socket: ClientConnection) -> None:
        with self._lock:
            self._socket = socket
        for body in socket:
            reply = REPLIES.decode(body if isinstance(body, bytes) else body.encode())
            with self._lock:
                pending = self._pending.pop(reply.number, None)
            if pending is not None:
                pending.reply = reply
                pending.done.set()

    def _forsake(self) -> None:
        with self._lock:
            left, self._pending = tuple(self._pending.values()), {}
        for pending in left:
            pending.done.set()
