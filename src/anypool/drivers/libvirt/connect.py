"""A connection to one libvirt, opened again when it broke."""

import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import libvirt

from anypool.drivers import mandate, observing
from anypool.drivers.libvirt import trouble
from anypool.drivers.libvirt.address import Address
from anypool.drivers.libvirt.lanes import LANES, Lanes
from anypool.drivers.libvirt.pinned import pinned
from anypool.drivers.libvirt.token import Token
from anypool.errors import NotFound, Unreachable
from anypool.model import Endpoint, VmId

KEEPALIVE_INTERVAL_S = 1
KEEPALIVE_COUNT = 5
PROBE_TIMEOUT_S = 5.0
PROBE_AGAIN_S = 1.0
"""For a host that answered before: it is known to be near enough."""
REST_S = 0.5
"""Who finds a host silent speaks for everybody who asks so shortly afterwards."""

_loop_lock = threading.Lock()
_loop: list[threading.Thread] = []


class Session:
    """One endpoint's connections, shared by the threads of a worker.

    Looks go over the first one, a deed over that of its `lane`.
    `generation` changes whenever the connection was opened anew: what was heard before
    then is no reason to believe that nothing was missed since.
    """

    def __init__(self, endpoint: Endpoint, secret: str) -> None:
        """Only remember; the first use opens the connection."""
        self.endpoint = endpoint
        self.options = dict(endpoint.options)
        self.address = Address(endpoint.uri)
        self.generation = ""
        self._listeners: list[Callable[[libvirt.virConnect], None]] = []
        self._handles: dict[VmId, tuple[str, libvirt.virDomain]] = {}
        self._check: Callable[[libvirt.virConnect], None] = lambda _: None
        self._secret = secret
        self._pinned = pinned(self.address, self.options.get("host_key", ""), secret)
        self._lock = threading.Lock()
        self._connection: libvirt.virConnect | None = None
        self._met = False
        self._silence: tuple[float, Unreachable] | None = None
        self._lanes = Lanes(self._open_checked, self._most_lanes())
        self.token = Token()

    def connection(self) -> libvirt.virConnect:
        """The living connection; raise `Unreachable`, `Denied` or `Invalid` if there is none."""
        if (mine := self._lanes.mine()) is not None:
            return mine
        with self._lock:
            if self._connection is not None and self._connection.isAlive():
                return self._connection
            self._drop()
            self._connection = self._open_checked()
            self.generation = uuid.uuid4().hex[:12]
            for listener in self._listeners:
                listener(self._connection)
            return self._connection

    @property
    def place(self) -> str:
        """The address as it is opened: with the command that stands for ssh, where one does."""
        return self.address.to_open("" if self._pinned is None else self._pinned.command)

    @property
    def read_only(self) -> bool:
        """Whether libvirt itself was asked to refuse every change."""
        return self.endpoint.observe_only

    def expect(self, check: Callable[[libvirt.virConnect], None]) -> None:
        """Let `check` refuse later connections by raising."""
        self._check = check

    def listen(self, listener: Callable[[libvirt.virConnect], None]) -> None:
        """Call `listener` with this connection and with every later one, to ask for events."""
        with self._lock:
            self._listeners.append(listener)
            if self._connection is not None:
                listener(self._connection)

    def lane(self) -> AbstractContextManager[None]:
        """Let this thread do a deed that may take long on a connection that has room for it."""
        return self._lanes.taken()

    def hold_lane(self) -> Callable[[], None]:
        """Keep that room for what goes on in another thread, until the result is called."""
        return self._lanes.hold()

    @contextmanager
    def reading(self, what: str) -> Iterator[libvirt.virConnect]:
        """Lend the connection for reads; see `trouble.reading`."""
        connection = self.connection()
        with trouble.reading(connection, what):
            yield connection

    @contextmanager
    def doing(self, what: str) -> Iterator[libvirt.virConnect]:
        """Lend the connection for a deed; see `trouble.doing`."""
        if self.read_only:
            raise observing.refused(self.endpoint, what)
        connection = self.connection()
        if (deed := mandate.current()) is not None:
            self.token.check(connection, deed, what)
            mandate.check(what)
        with trouble.doing(connection, what):
            yield connection

    def vm(self, vm: VmId) -> libvirt.virDomain:
        """Find a VM; raise `NotFound`."""
        with self.reading(f"look for VM {vm}") as connection:
            try:
                return connection.lookupByUUIDString(vm)
            except libvirt.libvirtError as problem:
                if trouble.is_gone(problem) or trouble.is_no_uuid(problem):
                    raise NotFound(f"{self.endpoint.uri} knows no VM {vm}") from problem
                raise

    def handle(self, vm: VmId) -> libvirt.virDomain | None:
        """A handle for reading a VM, kept from before if there is one; None if there is no VM.

        A VM that was forgotten since keeps its handle: what is asked of it says so.
        """
        generation, known = self._handles.get(vm, ("", None))
        if known is not None and generation == self.generation and known.connect().isAlive():
            return known
        try:
            found = self.vm(vm)
        except NotFound:
            return None
        self._handles[vm] = (self.generation, found)
        return found

    def further(self, missed: int) -> libvirt.virConnect:
        """Open one more connection, which ends when so many questions went unanswered."""
        return self._open(missed)

    def meet(self) -> None:
        """Knock at the host; if it does not answer, let go of it and raise `Unreachable`.

        Calls that still wait for it end by themselves.
        """
        try:
            self._knock()
        except Unreachable:
            with self._lock:
                silent, self._connection = self._connection, None
            let_go(silent)
            raise

    def sibling(self) -> "Session":
        """Return a session of the same endpoint, with a connection of its own."""
        made = Session(self.endpoint, self._secret)
        made.expect(self._check)
        return made

    def close(self) -> None:
        """Give the connection back."""
        self._lanes.close()
        with self._lock:
            self._drop()

    def _most_lanes(self) -> int:
        """A simulated host lives in its connection; a read-only one does no deeds."""
        simulated = self.endpoint.uri.startswith("test:")
        return 0 if simulated or self.read_only else LANES

    def _open_checked(self) -> libvirt.virConnect:
        opened = self._open()
        self._check(opened)
        return opened

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                self._connection.close()
        self._connection = None

    def _open(self, missed: int = KEEPALIVE_COUNT) -> libvirt.virConnect:
        run_event_loop()
        self._knock()
        try:
            flags = libvirt.VIR_CONNECT_RO if self.read_only else 0
            connection = libvirt.openAuth(self.place, self._credentials(), flags)
        except libvirt.libvirtError as problem:
            raise trouble.refused_to_open(problem, self.endpoint.uri) from problem
        with contextlib.suppress(libvirt.libvirtError):
            connection.setKeepAlive(KEEPALIVE_INTERVAL_S, missed)
        self._met = True
        return connection

    def _knock(self) -> None:
        """Raise `Unreachable` for a host that is silent, or was a moment ago."""
        if self._silence is not None and time.monotonic() - self._silence[0] < REST_S:
            raise Unreachable(self._silence[1].message, hint=self._silence[1].hint)
        try:
            _knock(self.address, PROBE_AGAIN_S if self._met else PROBE_TIMEOUT_S)
            self._silence = None
        except Unreachable as problem:
            silent = isinstance(problem.__cause__, TimeoutError)
            self._silence = (time.monotonic(), problem) if silent else None
            raise

    def _credentials(self) -> list[Any]:
        user = self.options.get("user") or self.address.user
        answers = {
            libvirt.VIR_CRED_AUTHNAME: user,
            libvirt.VIR_CRED_ECHOPROMPT: user,
            libvirt.VIR_CRED_PASSPHRASE: self._secret,
            libvirt.VIR_CRED_NOECHOPROMPT: self._secret,
        }

        def answer(credentials: list[list[Any]], _: object) -> int:
            for credential in credentials:
                credential[4] = answers.get(credential[0], "")
            return 0

        return [list(answers), answer, None]


def let_go(connection: libvirt.virConnect | None) -> None:
    """Close a connection to a host that may be dead: that waits for it, and so nobody else."""
    if connection is not None:
        threading.Thread(target=_close, args=(connection,), daemon=True).start()


def _close(connection: libvirt.virConnect) -> None:
    with contextlib.suppress(libvirt.libvirtError):
        connection.close()


def run_event_loop() -> None:
    """Start the thread that keeps connections alive and hears events, once per process.

    It must be there before the first connection is opened.
    """
    with _loop_lock:
        if _loop:
            return
        libvirt.registerErrorHandler(lambda *_: None, None)
        libvirt.virEventRegisterDefaultImpl()
        thread = threading.Thread(target=_run_events, name="libvirt-events", daemon=True)
        _loop.append(thread)
        thread.start()


def _run_events() -> None:
    while True:
        with contextlib.suppress(libvirt.libvirtError):
            libvirt.virEventRunDefaultImpl()


def _knock(address: Address, patience_s: float) -> None:
    """Fail within seconds where libvirt would wait for minutes for an address without answer."""
    where = address.probe()
    if where is None:
        return
    try:
        socket.create_connection(where, patience_s).close()
    except socket.gaierror as problem:
        raise Unreachable(
            f"the name {where[0]} is not known",
            hint="check the spelling, or use the host's address",
        ) from problem
    except OSError as problem:
        raise Unreachable(
            f"{where[0]} does not answer on port {where[1]}: {problem.strerror or problem}",
            hint="is the host up, does libvirtd listen there, and is the name right?",
        ) from problem
