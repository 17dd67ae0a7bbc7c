"""A serial console: libvirt's stream on one side, a visitor's socket on the other."""

import contextlib
import socket
import threading
import time

import libvirt

BACKLOG_BYTES = 1 << 18
_CHUNK = 1 << 14
_ALIVE_CHECK_S = 1.0
_FULL_S = 0.05
_FULL = -2
_EVENTS = (
    libvirt.VIR_STREAM_EVENT_READABLE
    | libvirt.VIR_STREAM_EVENT_ERROR
    | libvirt.VIR_STREAM_EVENT_HANGUP
)


class Backlog:
    """What a guest said and nobody took yet; a guest never waits, so what is too much is lost."""

    def __init__(self, most_bytes: int = BACKLOG_BYTES) -> None:
        self._most = most_bytes
        self._changed = threading.Condition()
        self._kept = bytearray()
        self._lost = 0
        self._ended = False

    def put(self, said: bytes) -> None:
        """Keep what there is room for, and count the rest."""
        with self._changed:
            fits = said[: max(0, self._most - len(self._kept))] if not self._lost else b""
            self._kept += fits
            self._lost += len(said) - len(fits)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        with self._changed:
            return self._ended

    def take(self, wait_s: float) -> bytes:
        """Wait for something, and return all of it, "" if nothing came."""
        with self._changed:
            self._changed.wait_for(lambda: self._kept or self._ended, wait_s)
            said, self._kept = bytes(self._kept), bytearray()
            if self._lost:
                said += f"\r\n[{self._lost} bytes left out]\r\n".encode()
                self._lost = 0
            return said


def carry(domain: libvirt.virDomain, visitor: socket.socket) -> None:
    """Carry bytes between the serial console of a VM and a visitor until one of them ends.

    Whoever had this console before loses it: a connection that was forgotten somewhere
    must not keep people out.
    """
    connection = domain.connect()
    stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
    try:
        domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    except libvirt.libvirtError as problem:
        visitor.sendall(f"the console did not open: {problem.get_error_message()}\r\n".encode())
        return
    backlog = Backlog()
    stream.eventAddCallback(_EVENTS, _hear, backlog)
    typing = threading.Thread(
        target=_type, args=(visitor, stream, backlog), name="console-typing", daemon=True
    )
    typing.start()
    try:
        _tell(connection, backlog, visitor)
    finally:
        backlog.end()
        with contextlib.suppress(OSError):
            visitor.shutdown(socket.SHUT_RDWR)
        typing.join()
        with contextlib.suppress(libvirt.libvirtError):
            stream.eventRemoveCallback()
        with contextlib.suppress(libvirt.libvirtError):
            stream.abort()


def _hear(stream: libvirt.virStream, events: int, backlog: Backlog) -> None:
    """Take what can be read; called in the thread of libvirt's events, so it never waits."""
    try:
        said = stream.recv(_CHUNK) if events & libvirt.VIR_STREAM_EVENT_READABLE else b""
        if said == _FULL:
            return
        if said:
            backlog.put(said)
            return
        stream.eventUpdateCallback(0)
    except libvirt.libvirtError:
        with contextlib.suppress(libvirt.libvirtError):
            stream.eventUpdateCallback(0)
    backlog.end()


def _tell(connection: libvirt.virConnect, backlog: Backlog, visitor: socket.socket) -> None:
    while True:
        over = backlog.ended or not _lives(connection)
        said = backlog.take(_ALIVE_CHECK_S)
        if said:
            visitor.sendall(said)
        elif over:
            return


def _lives(connection: libvirt.virConnect) -> bool:
    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:  # it was given back
        return False


def _type(visitor: socket.socket, stream: libvirt.virStream, backlog: Backlog) -> None:
    with contextlib.suppress(OSError, libvirt.libvirtError):
        while typed := visitor.recv(_CHUNK):
            while typed and not backlog.ended:
                sent = stream.send(typed)
                if sent == _FULL:
                    time.sleep(_FULL_S)
                else:
                    typed = typed[sent:]
    backlog.end()
