"""The reference of the HTTP API as a page, made from its OpenAPI document."""

from collections import defaultdict
from typing import Any

Json = dict[str, Any]

INTRODUCTION = """\
The machine-readable form is `/api/openapi.json` of a running manager (OpenAPI 3.1).

**Who you are.** Send `Authorization: Bearer TOKEN`; `anypool token create` makes one. Browsers \
use the session cookie of `POST /login`, and send the `csrf` it returned as \
`X-Anypool-CSRF` with every change.

**Deeds.** Whatever takes time answers `202` with an `operation` and its `Location`. With \
`?dry_run=true` nothing is done: the answer is `200` with the plan, which can be run later. \
A repeated `POST` with the same `Idempotency-Key` gets the first answer again. If the \
client leaves while its plan is made, planning ends and nothing was done.

**Lists** are `{"items": [...], "total": n, "next": cursor}`. `q` is a [search](search.md), \
`limit` the size of a page, `cursor` the `next` of the page before.

**Changes of what was read.** `GET` gives an `ETag`; send it with `If-Match`, and a change that \
somebody else made in between is answered with `412` instead of being overwritten.

**Errors** are `application/problem+json` with `title`, `status`, `detail` and `hint`: what is \
wrong, and what to do next. Unknown fields in a body are errors.

| status | meaning |
|---|---|
| 401, 403 | not logged in; not allowed |
| 404 | no such object |
| 409 | the world is not as assumed, somebody else works on it, or there is no plan (`refusals`) |
| 412 | changed since it was read |
| 422 | can never work as written, or the platform cannot do it |
| 502 | the platform refused and changed nothing |
| 503 | an endpoint does not answer, or the database refuses writes |
| 504 | sent, and no answer came: look before doing anything else |
| 507 | the database is full |
"""


def page(document: Json, made: str) -> str:
    """The page in Markdown; `made` is the line that says where it comes from."""
    by_noun: dict[str, list[str]] = defaultdict(list)
    for path, item in document["paths"].items():
        noun = path.removeprefix("/api/v1/").split("/")[0]
        for method, operation in item.items():
            by_noun[noun] += entry(method.upper(), path, operation, document)
    lines = ["# HTTP API", "", made, INTRODUCTION, "All paths begin with `/api/v1`.", ""]
    for noun, entries in sorted(by_noun.items()):
        lines += [f"## {noun}", "", *entries]
    return "\n".join(lines).rstrip("\n") + "\n"


def entry(method: str, path: str, operation: Json, document: Json) -> list[str]:
    """One path and method: what it does, and what it takes."""
    lines = [f"### {method} {path.removeprefix('/api/v1')}", ""]
    lines += [operation.get("description") or operation["summary"], ""]
    rows = [
        parameter_row(parameter, document)
        for parameter in operation.get("parameters", ())
        if parameter["in"] != "path"
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        rows += field_rows(resolved(body["schema"], document), document)
    if rows:
        lines += ["| name | in | type | meaning |", "|---|---|---|---|", *rows, ""]
    return lines


def parameter_row(parameter: Json, document: Json) -> str:
    """One query parameter or header."""
    schema = parameter.get("schema", {})
    words = [parameter.get("description", ""), limits(schema)]
    return row(parameter["name"], parameter["in"], kind(schema, document), words)


def field_rows(schema: Json, document: Json) -> list[str]:
    """The fields of a body, those that must be there first."""
    must = set(schema.get("required", ()))
    fields = schema.get("properties", {})
    return [
        row(
            name,
            "body",
            kind(field, document),
            ["required" if name in must else "", field.get("description", ""), limits(field)],
        )
        for name, field in sorted(fields.items(), key=lambda pair: pair[0] not in must)
    ]


def row(name: str, where: str, of_type: str, words: list[str]) -> str:
    """A line of a table."""
    return f"| `{name}` | {where} | {of_type} | {'; '.join(word for word in words if word)} |"


def kind(schema: Json, document: Json) -> str:
    """The type of a value in a word or two."""
    if "$ref" in schema:
        schema = resolved(schema, document)
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}), document)}"
    choices = [one for key in ("oneOf", "anyOf") for one in schema.get(key, ())]
    if choices:
        return " or ".join(kind(one, document) for one in choices if one.get("type") != "null")
    return str(schema.get("type", "any"))


def limits(schema: Json) -> str:
    """Bounds and default of a value, in words."""
    words = [
        f"{word} {int(schema[key])}"
        for key, word in (("minimum", "from"), ("maximum", "to"))
        if key in schema
    ]
    default = schema.get("default")
    if default not in (None, "", [], {}):
        shown = str(default).lower() if isinstance(default, bool) else default
        words.append(f"default `{shown}`")
    return ", ".join(words)


def resolved(schema: Json, document: Json) -> Json:
    """A schema, with a reference followed."""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    found: Json = document["components"]["schemas"][name] if name else schema
    return found
