"""The OpenAPI document: what the framework knows, with our errors and action types added."""

import threading
from typing import Any

import msgspec
from litestar import Litestar
from litestar.routes import HTTPRoute

from anypool.api.problems import MEDIA_TYPE, Problem
from anypool.plan import Action

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_PROBLEMS = (400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 502, 503, 504, 507)
_REF = "#/components/schemas/{name}"
Document = dict[str, Any]


def document(app: Litestar) -> Document:
    """Return the whole document as JSON values."""
    made: Document = app.openapi_schema.to_schema()
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    (action, problem), found = msgspec.json.schema_components([Action, Problem], ref_template=_REF)
    schemas.update(found)
    schemas["Action"] = action
    schemas["UnknownAction"] = {
        "type": "object",
        "description": "an action of another release, as it was stored; it is never run",
        "properties": {"type": {"type": "string"}},
        "required": ["type"],
    }
    _actions_are_typed(schemas)
    components["responses"] = {
        "Problem": {
            "description": "why it was not done, and what to do next (RFC 9457)",
            "content": {MEDIA_TYPE: {"schema": problem}},
        }
    }
    for _, operation in _operations(made):
        _complete(operation)
    return made


class Made:
    """The document of an application: made when somebody first asks, for that takes long."""

    def __init__(self) -> None:
        self.app: Litestar | None = None
        self._turn = threading.Lock()
        self._made: Document | None = None

    def get(self) -> Document:
        """Return the document; from any thread."""
        with self._turn:
            if self._made is None:
                assert self.app is not None
                self._made = document(self.app)
            return self._made


def query_names(app: Litestar) -> dict[tuple[str, str], frozenset[str]]:
    """Return the names of the query parameters by method and path."""
    return {
        (method, route.path_format): frozenset(
            parameter.field_alias for parameter in parameters.expected_query_params
        )
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (_, parameters) in route.route_handler_map.items()
    }


def _operations(made: Document) -> list[tuple[tuple[str, str], dict[str, Any]]]:
    return [
        ((method.upper(), path), operation)
        for path, item in made["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]


def _complete(operation: dict[str, Any]) -> None:
    operation["responses"].get("204", {}).pop("content", None)
    for status in _PROBLEMS:
        operation["responses"][str(status)] = {"$ref": "#/components/responses/Problem"}


def _actions_are_typed(schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        if name.endswith("StepView"):
            known, strange = _REF.format(name="Action"), _REF.format(name="UnknownAction")
            schema["properties"]["action"] = {"anyOf": [{"$ref": known}, {"$ref": strange}]}
