"""The ASGI application: routes, gate, errors, and headers on every answer."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Reference, SecurityScheme
from litestar.types import ASGIApp, Scope

from anypool import __version__
from anypool.api import (
    addresses,
    applications,
    audit,
    backups,
    bearing,
    bindings,
    bmcs,
    bookings,
    bootservice,
    calendars,
    certificates,
    completion,
    consoles,
    consolidations,
    controllers,
    copies,
    deaths,
    demo,
    devices,
    endpoints,
    events,
    exports,
    failover,
    failures,
    ha,
    hardware,
    hearing,
    history,
    hosting,
    hosts,
    images,
    incidents,
    labels,
    lending,
    managers,
    meta,
    metrics,
    notifications,
    page,
    people,
    pictures,
    places,
    plans,
    policies,
    pools,
    power,
    prices,
    problems,
    profiles,
    records,
    rehearsals,
    replays,
    resync,
    rollouts,
    sample,
    searches,
    secrets,
    servers,
    support,
    vms,
)
from anypool.api.access_log import AccessLog
from anypool.api.asking import dependencies
from anypool.api.broadcast import Broadcast
from anypool.api.document import Made, query_names
from anypool.api.forward import Forward
from anypool.api.gate import COOKIE, Gate
from anypool.api.headers import SecurityHeaders
from anypool.api.idempotency import BODY_MAX, Replay
from anypool.api.language import Language
from anypool.api.origin import own_names
from anypool.api.waiting import Waiting
from anypool.service import Services

_API = (
    audit,
    backups,
    certificates,
    notifications,
    records,
    exports,
    secrets,
    support,
    resync,
    bookings,
    vms,
    devices,
    labels,
    hosts,
    servers,
    bootservice,
    controllers,
    hearing,
    searches,
    completion,
    profiles,
    bearing,
    failover,
    hosting,
    addresses,
    calendars,
    history,
    images,
    incidents,
    deaths,
    places,
    pools,
    rollouts,
    consolidations,
    hardware,
    policies,
    bindings,
    bmcs,
    power,
    prices,
    replays,
    applications,
    endpoints,
    pictures,
    plans,
    events,
    failures,
    rehearsals,
    ha,
    consoles,
    people,
    copies,
    managers,
    lending,
    demo,
    sample,
)


class Web:
    """The application, and the way to end its streams so that it can stop."""

    def __init__(self, services: Services, names: frozenset[str] = frozenset()) -> None:
        self.broadcast = Broadcast(services.pool.subscribe())
        self.litestar = _litestar(services, self.broadcast, names | own_names())
        self.stopping: Callable[[], None] = self.close
        forward = Forward(self.litestar, services.managers, names | own_names())
        self.asgi: ASGIApp = SecurityHeaders(
            forward, simulated=services.demo.on, awaited=services.resync.awaited
        )

    def close(self) -> None:
        """End the event streams; harmless when repeated."""
        self.broadcast.close()

    def stop(self) -> None:
        """Ask whoever serves this to stop."""
        self.stopping()


def _litestar(services: Services, broadcast: Broadcast, names: frozenset[str]) -> Litestar:
    known: dict[tuple[str, str], frozenset[str]] = {}
    made = Made()

    def query(scope: Scope) -> frozenset[str]:
        return known.get((str(scope.get("method", "")), scope["path_template"]), frozenset())

    api = Router("/api/v1", route_handlers=[r for module in _API for r in module.ROUTES])
    for route in (meta.get_health, meta.get_live, meta.get_ready):
        api.register(route)
    app = Litestar(
        route_handlers=[api, *metrics.ROUTES, meta.get_document, *page.ROUTES],
        middleware=[
            AccessLog(),
            Language(),
            Gate(services, names, query),
            Waiting(),
            Replay(services),
        ],
        exception_handlers=problems.handlers(services.audit.refused),
        dependencies={
            **dependencies(services),
            "broadcast": Provide(lambda: broadcast, sync_to_thread=False),
            "openapi": Provide(made.get, sync_to_thread=True),
        },
        lifespan=[_lifespan(broadcast)],
        openapi_config=_config(),
        logging_config=None,
        request_max_body_size=BODY_MAX,
    )
    made.app = app
    known.update(query_names(app))
    return app


def _lifespan(broadcast: Broadcast) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        broadcast.start()
        try:
            yield
        finally:
            broadcast.close()

    return running


def _config() -> OpenAPIConfig:
    schemes: dict[str, SecurityScheme | Reference] = {
        "token": SecurityScheme(type="http", scheme="bearer"),
        "session": SecurityScheme(type="apiKey", name=COOKIE, security_scheme_in="cookie"),
    }
    return OpenAPIConfig(
        title="anypool",
        version=__version__,
        description="Long work answers 202 and goes on as an operation; "
        "`dry_run=true` returns the plan instead. Errors are problem documents with a hint.",
        path="/api/schema",
        render_plugins=(),
        components=Components(security_schemes=schemes),
        security=[{"token": []}, {"session": []}],
        use_handler_docstrings=True,
    )
