"""Which manager a command speaks to, and how its result is shown: options of every command."""

import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

import httpx
from cyclopts import Parameter
from msgspec.structs import replace

from anypool.cli import contexts, tls
from anypool.cli.client import Client
from anypool.cli.contexts import Context
from anypool.cli.terminal import note
from anypool.errors import Invalid

Format = Literal["table", "wide", "json", "yaml", "name"]


@Parameter(name="*", group="Everywhere")
@dataclass(frozen=True, kw_only=True)
class Where:
    """The manager and the format."""

    context: Annotated[
        str, Parameter(help="the manager to speak to, by the name of its context")
    ] = ""
    url: Annotated[str, Parameter(help="its address, instead of a context")] = ""
    output: Annotated[
        Format, Parameter(name=("--output", "-o"), help="how the result is shown")
    ] = "table"
    lang: Annotated[
        str, Parameter(help="language of reasons and messages: en or de; else that of $LANG")
    ] = ""


HERE = Where()
"""What holds when no option says otherwise."""


@contextmanager
def connected(where: Where) -> Iterator[Client]:
    """Yield a client for the manager that the options, the environment or the context name."""
    context = chosen(where)
    with open_http(context) as http:
        http.headers["Accept-Language"] = where.lang or _spoken()
        yield Client(http)


def chosen(where: Where) -> Context:
    """Return the manager to speak to; raise `Invalid` when none is known.

    $ANYPOOL_URL and $ANYPOOL_TOKEN stand for a context, $ANYPOOL_CONTEXT names one.
    """
    url = where.url or os.environ.get("ANYPOOL_URL", "")
    if url and not where.context:
        return _by_url(url)
    known = contexts.load(contexts.path())
    name = where.context or os.environ.get("ANYPOOL_CONTEXT", "") or known.current
    if not name:
        hint = (
            "`anypool login LINK`, with the link `anypool serve` or `anypool login-link` prints; "
            "`anypool demo` starts one to play with"
        )
        raise Invalid("no manager is known here", hint=hint)
    return known.get(name)


def open_http(context: Context) -> httpx.Client:
    """Return an HTTP client for a manager, its certificate pinned if it has its own."""
    headers = {"Authorization": f"Bearer {context.token}"} if context.token else {}
    return httpx.Client(
        base_url=context.url,
        headers={**headers, "Content-Type": "application/json", "User-Agent": "anypool-cli"},
        transport=transport(context),
        event_hooks={"response": [_say_if_simulated, _say_if_restored]},
    )


@cache
def _remind() -> None:
    if sys.stderr.isatty():
        note("simulated pool: nothing here is real")


def _say_if_simulated(answer: httpx.Response) -> None:
    """Say once, to a person, that a pool is not real."""
    if "X-Anypool-Simulated" in answer.headers:
        _remind()


@cache
def _warn(left: str) -> None:
    many = "1 endpoint is" if left == "1" else f"{left} endpoints are"
    note(f"restored from a backup: {many} read-only until read whole; `anypool resync show`")


def _say_if_restored(answer: httpx.Response) -> None:
    """Say once what a restore has left read-only."""
    if left := answer.headers.get("X-Anypool-Unread"):
        _warn(left)


def transport(context: Context) -> httpx.BaseTransport:
    """Return the way to a manager; the environment's proxies are not for it.

    Without TLS nobody is trusted: reading the system's authorities takes longer than asking.
    """
    if not context.url.startswith("https:"):
        return httpx.HTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    return httpx.HTTPTransport(verify=tls.trust(context.url, context.fingerprint, context.key))


def _spoken() -> str:
    """Return the language of the environment, as a tag such as `de-AT`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            tag = value.partition(".")[0].replace("_", "-")
            return tag if tag.isascii() and tag.replace("-", "").isalpha() else "en"
    return "en"


def _by_url(url: str) -> Context:
    token = os.environ.get("ANYPOOL_TOKEN", "")
    known = contexts.load(contexts.path()).contexts.values()
    same = next((context for context in known if context.url == url.rstrip("/")), None)
    if same is not None and not token:
        return same
    if same is not None:
        return replace(same, token=token, user="")
    return Context(url=url.rstrip("/"), token=token)
