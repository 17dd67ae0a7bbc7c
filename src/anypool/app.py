"""The only place where the parts are put together, and the life of the process around them."""

import gc
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog
import uvicorn

from anypool import __version__, famine, heaps, logs, systemd
from anypool.api import Web
from anypool.api.answering import answering
from anypool.api.origin import own_names
from anypool.api.showing import Showing
from anypool.clock import SystemClock
from anypool.drivers.lent import Links
from anypool.drivers.remote import WorkerPool
from anypool.engine import Engine
from anypool.engine.sharing import Sharing
from anypool.errors import Invalid, Unreachable
from anypool.service import Services, demo, support
from anypool.service.lending import blind
from anypool.service.logins import FIRST_USER, Logins
from anypool.settings import Settings
from anypool.store import Store, connect, lease

KEY_FILE = "secrets.key"
"""In the state folder: what opens the secrets of a database that is a server's."""

SWITCH_S = 0.001
"""How long a thread that calculates keeps the interpreter from one that answers."""
_BACKLOG = 128
_GRACE_S = 5
_NEVER_S = 10**9
_STOP = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger("anypool.app")


class App(NamedTuple):
    """Everything, wired and not started yet."""

    settings: Settings
    store: Store
    drivers: WorkerPool
    engine: Engine
    services: Services
    sharing: Sharing
    web: Web

    def start(self) -> None:
        """Take the lease, show what was known and begin to work."""
        self.engine.start()
        self.services.watch.start()
        self.services.rolling.start()
        self.services.repurposing.start()
        self.services.guard.start()
        self.services.vigil.start()
        self.services.returning.start()
        self.services.hearing.start()
        self.services.postman.start()
        self.services.certificate_watch.start()
        self.sharing.start()
        gc.freeze()
        self.services.lists.start()

    def stop(self) -> None:
        """End all work; what runs goes on with the next start."""
        self.web.close()
        self.services.lists.stop()
        self.sharing.stop()
        self.services.lending.close()
        self.services.certificate_watch.stop()
        self.services.postman.stop()
        self.services.returning.stop()
        self.services.hearing.stop()
        self.services.vigil.stop()
        self.services.guard.stop()
        self.services.repurposing.stop()
        self.services.rolling.stop()
        self.services.watch.stop()
        self.engine.stop()
        self.drivers.close()
        self.services.demo.close()
        self.store.close()


def build(settings: Settings) -> App:
    """Return the parts, wired; raise `StoreFailed` or `Invalid` for a database that will not do."""
    clock = SystemClock()
    store = open_store(settings)
    if settings.demo:
        demo.furnish(store, settings)
    log = Path(settings.state_dir) / "workers.log"
    drivers = WorkerPool(settings.workers, clock, log=log)
    engine = Engine(store, drivers, clock, settings)
    engine.keeper.told, engine.keeper.last = drivers.obey, drivers.close
    engine.keeper.pause = drivers.pause
    engine.keeping.more.append(("garbage", heaps.sweep))
    services = Services(engine, store, drivers, clock, settings)
    links = Links(clock)
    drivers.lent = links
    services.lending.make = lambda: blind(WorkerPool(settings.workers, clock, log=log))
    sharing = Sharing(engine, store, clock, settings, links)
    names = frozenset() if _is_wild(settings.listen_host) else frozenset({settings.listen_host})
    names |= {host.lower() for host in (urlsplit(settings.bmc_push_url).hostname,) if host}
    web = Web(services, names)
    return App(settings, store, drivers, engine, services, sharing, web)


def open_store(settings: Settings) -> Store:
    """Return the open database; make the state folder if it is not there."""
    folder = Path(settings.state_dir)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the state folder {folder} cannot be made: {error.strerror}"
        raise Invalid(message, hint="choose another one with ANYPOOL_STATE") from error
    key_file = None if settings.database_url.startswith("sqlite") else folder / KEY_FILE
    return Store.open(
        settings.database_url,
        clock=SystemClock(),
        key_file=systemd.credential(f"anypool.{KEY_FILE}") or key_file,
        audit_file=audit_key_file(settings),
    )


def audit_key_file(settings: Settings) -> Path:
    """Return where the audit trail's key lies: in the state folder, where we may make it.

    One that lies beside an SQLite file elsewhere, as it once did, stays in use.
    """
    database = connect.file_of(connect.parse(settings.database_url))
    name = f"{KEY_FILE}.audit" if database is None else f"{database.name}.key.audit"
    beside = None if database is None else database.with_name(name)
    if beside is not None and beside.exists():
        return beside
    return Path(settings.state_dir) / name


def serve(settings: Settings, fd: int | None = None) -> int:
    """Run the manager until SIGTERM or SIGINT; return the exit code.

    With `fd`, listen on that socket, which is open already; else on the settings' address.
    Beyond loopback it speaks TLS, and prints the fingerprint of its certificate.
    """
    logs.configure()
    if (files := famine.raise_files()) < famine.LEAST_FILES:
        _log.warning("few open files", files=files, least=famine.LEAST_FILES)
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(*heaps.RARELY)
    heaps.share()
    listener = _inherited(fd) if fd is not None else _bound(settings)
    app = build(settings)
    try:
        showing = _showing(settings, listener)
        introduce(app, listener, showing)
        app.start()
        _greet(app, listener, showing)
        return run(app, listener, showing)
    finally:
        app.stop()
        listener.close()
        _log.info("stopped")


def introduce(app: App, listener: socket.socket, showing: Showing | None) -> None:
    """Say how this manager is reached, for others on the same database."""
    keeper = app.engine.keeper
    if showing is not None:
        keeper.shown = lambda: showing.file.read_text()
    keeper.introduce(_url(*listener.getsockname()[:2]), __version__, SystemClock().now())


def login_link(settings: Settings, user: str = FIRST_USER) -> str:
    """Return a link that logs a user in once; for whoever may read the state folder."""
    store = open_store(settings)
    try:
        return _link(_address(settings), Logins(store).code(user))
    finally:
        store.close()


def offline_bundle(settings: Settings) -> bytes:
    """Return a support bundle of a manager that does not run; its database stays closed."""
    return support.offline(settings, SystemClock())


def run(app: App, listener: socket.socket, showing: Showing | None) -> int:
    """Serve HTTP until a signal, or until `app.web.stop()`; return the exit code."""
    certificate = None if showing is None else showing.certificate
    config = uvicorn.Config(
        app.web.asgi,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        callback_notify=_sign_of_life,
        timeout_notify=max(1, int(systemd.alive_every_s() or _NEVER_S)),
        timeout_graceful_shutdown=_GRACE_S,
        ssl_certfile=None if certificate is None else str(certificate.certificate),
        ssl_keyfile=None if certificate is None else str(certificate.key),
    )
    # Accepted connections inherit this; without it each answer waits 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(config, app.web)
    app.web.stopping = server.stop
    config.load()
    with app.services.certificates.showing(showing, config.ssl), answering():
        server.run(sockets=[listener])
    return 0


async def _sign_of_life() -> None:
    """Let systemd know that the event loop turns; called by the server, from that loop."""
    systemd.tell(systemd.ALIVE)


class _Server(uvicorn.Server):
    """Ends the event streams as soon as a signal comes: they would never end by themselves."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so to whoever waits for it."""
        await super().startup(sockets)
        if self.started:
            systemd.tell(systemd.READY, f"STATUS=anypool {__version__} answers")

    def __init__(self, config: uvicorn.Config, web: Web) -> None:
        super().__init__(config)
        self._web = web

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        systemd.tell(systemd.STOPPING)
        self._web.close()
        super().handle_exit(sig, frame)

    def stop(self) -> None:
        """Begin to stop, from another thread."""
        self._web.close()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, and leave the rest of the stopping to the caller.

        The base class sends the signal again afterwards, which would kill us in between.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        old = {sig: signal.signal(sig, self.handle_exit) for sig in _STOP}
        try:
            yield
        finally:
            for sig, handler in old.items():
                signal.signal(sig, handler)


def _bound(settings: Settings) -> socket.socket:
    host, port = settings.listen_host, settings.listen_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unreachable(
            f"cannot listen on {host} port {port}: {error.strerror}",
            hint="is another manager running? Set listen_port, or ANYPOOL_LISTEN_PORT",
        ) from error
    return listener


def _inherited(fd: int) -> socket.socket:
    try:
        listener = socket.socket(fileno=fd)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise Invalid(f"file descriptor {fd} is no socket to listen on: {error}") from error
    return listener


def _showing(settings: Settings, listener: socket.socket) -> Showing | None:
    host = listener.getsockname()[0]
    if _is_loopback(host):
        return None
    names = own_names() | (frozenset() if _is_wild(host) else {host})
    return Showing(settings, names, SystemClock())


def _greet(app: App, listener: socket.socket, showing: Showing | None) -> None:
    host, port = listener.getsockname()[:2]
    address = _url(host, port)
    print(f"anypool {__version__} listens on {address}", flush=True)
    if app.settings.demo:
        print("Everything in this pool is simulated.", flush=True)
    if showing is not None:
        shown = showing.certificate.fingerprint
        print(f"SHA-256 fingerprint of its certificate: {shown}", flush=True)
    print(f"API document: {address}/api/openapi.json", flush=True)
    if code := app.services.logins.first_code():
        print(f"First login, once and within 15 minutes: {_link(address, code)}", flush=True)
    with app.store.reading() as tx:
        epoch = lease.look(tx).epoch
    _log.info(
        "started",
        address=address,
        database=app.store.place,
        leads=app.engine.leads,
        epoch=epoch,
        pid=os.getpid(),
    )


def _address(settings: Settings) -> str:
    return _url(settings.listen_host, settings.listen_port)


def _url(host: str, port: int) -> str:
    shown = socket.gethostname() if _is_wild(host) else host
    bracketed = f"[{shown}]" if ":" in shown else shown
    return f"{'http' if _is_loopback(host) else 'https'}://{bracketed}:{port}"


def _link(address: str, code: str) -> str:
    return f"{address}/login#code={code}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_wild(host: str) -> bool:
    return host in {"0.0.0.0", "::", ""}
