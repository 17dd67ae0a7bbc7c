"""The routes about the manager itself: health, and the document of this API."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Struct

from anypool.api.asking import Use
from anypool.api.document import Document
from anypool.api.gate import ANONYMOUS
from anypool.service.measures import Ready


class Health(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`ok` while the manager answers; more is not said to those who did not log in.

    `simulated` is there, and true, where the whole pool is a demo.
    """

    status: str
    simulated: bool = False


@get("/health", opt={ANONYMOUS: True}, sync_to_thread=False)
def get_health(services: Use) -> Health:
    """Say that the manager answers."""
    return Health(status="ok", simulated=services.demo.on)


@get("/health/live", opt={ANONYMOUS: True}, sync_to_thread=False)
def get_live(services: Use) -> Health:
    """Say that the process answers: restart it where this fails."""
    return Health(status="ok", simulated=services.demo.on)


@get(
    "/health/ready",
    opt={ANONYMOUS: True},
    sync_to_thread=True,
    responses={503: ResponseSpec(Ready, description="send requests elsewhere, for now")},
)
def get_ready(services: Use) -> Response[Ready]:
    """Say whether this manager leads and its database answers: send it requests only then."""
    found = services.measures.ready()
    return Response(found, status_code=200 if found.ready else 503)


@get("/api/openapi.json", opt={ANONYMOUS: True}, include_in_schema=False, sync_to_thread=False)
def get_document(openapi: NamedDependency[Document]) -> Response[Any]:
    """Return the OpenAPI document."""
    return Response(openapi, media_type="application/json")
