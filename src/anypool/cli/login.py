"""`anypool login` and `anypool context`: which managers are known here, and as whom."""

import socket
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import httpx
from cyclopts import App, Parameter
from msgspec.structs import replace

from anypool.cli import contexts, tls
from anypool.cli.client import Client, Json
from anypool.cli.connection import HERE, Where, open_http
from anypool.cli.contexts import Context
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import asks, confirm, note, read_secret
from anypool.errors import Invalid, Unreachable
from anypool.model import plain_fingerprint, taken_apart

app = App(name="context", help="Contexts: the managers that are known here.")

_COLUMNS = (
    Column("CURRENT", lambda context: "*" if context["current"] else ""),
    Column("NAME", lambda context: context["name"]),
    Column("URL", lambda context: context["url"]),
    Column("USER", lambda context: context["user"]),
    Column("FINGERPRINT", lambda context: context["fingerprint"], wide=True),
)


@Parameter(name="*", group="Login")
@dataclass(frozen=True, kw_only=True)
class As:
    """Who logs in, where it is remembered, and what certificate is expected."""

    user: Annotated[str, Parameter(help="log in by password as this user")] = ""
    password_file: Annotated[str, Parameter(help="file with the password; - is stdin")] = ""
    name: Annotated[str, Parameter(help="name of the context; the host's if left out")] = ""
    fingerprint: Annotated[
        str, Parameter(help="SHA-256 of the manager's own certificate, as it printed it")
    ] = ""
    days: Annotated[int, Parameter(help="how long the login lasts")] = 90


BY_LINK = As()
"""What holds when no option says otherwise."""


def login(link: str, *, who: As = BY_LINK) -> None:
    """Log in by the one-time link that the manager printed, or to a URL with --user.

    What is kept is an API token of one's own, in a file only its owner can read.
    """
    url, code = split_link(link)
    asked = {"code": code} if code and not who.user else _password(who, url)
    fingerprint = _fingerprint(url, who.fingerprint)
    pinned = Context(url=url, fingerprint=fingerprint)
    if fingerprint:
        pinned = replace(pinned, key=_key(url, fingerprint))
    context = _logged_in(pinned, asked, who.days)
    name = who.name or str(urlsplit(url).hostname)
    file = contexts.path()
    contexts.save(file, contexts.load(file).with_context(name, context))
    note(f"logged in to {url} as {context.user}; context {name} in {file}")


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List contexts."""
    known = contexts.load(contexts.path())
    rows: list[Json] = [
        {
            "name": name,
            "current": name == known.current,
            "url": context.url,
            "user": context.user,
            "fingerprint": context.fingerprint,
        }
        for name, context in sorted(known.contexts.items())
    ]
    show_list(rows, _COLUMNS, where.output)


@app.command
def use(name: str) -> None:
    """Make a context the one that is used when none is named."""
    file = contexts.path()
    known = contexts.load(file)
    contexts.save(file, known.with_context(name, known.get(name)))
    note(f"commands go to {known.get(name).url} now")


@app.command
def remove(name: str) -> None:
    """Forget a context; its token stays valid until it is revoked or expires."""
    file = contexts.path()
    contexts.save(file, contexts.load(file).without(name))
    note(f"context {name} is forgotten")


def split_link(link: str) -> tuple[str, str]:
    """Return the manager's address and the one-time code in a login link, "" for none."""
    place = taken_apart(link if "://" in link else f"https://{link}", "such as https://h1:8420")
    if place.scheme not in ("http", "https") or not place.hostname:
        raise Invalid(f"{link} is no address of a manager", hint="such as https://h1:8420")
    found = parse_qs(place.fragment).get("code") or parse_qs(place.query).get("code") or [""]
    return f"{place.scheme}://{place.netloc}", found[0]


def _password(who: As, url: str) -> Json:
    if not who.user:
        hint = "`anypool login-link` on the manager's machine makes one; or use --user NAME"
        raise Invalid("there is no login code in the link", hint=hint)
    secret = read_secret(who.password_file, f"password of {who.user} at {url}")
    return {"user": who.user, "password": secret}


def _fingerprint(url: str, expected: str) -> str:
    """Return the fingerprint to pin, "" where the system trusts the certificate or there is none.

    A certificate nobody vouches for is trusted only if its fingerprint is given or confirmed.
    """
    if urlsplit(url).scheme != "https" or (not expected and _trusted(url)):
        return ""
    shown = tls.digest(tls.shown_certificate(url))
    if expected:
        if plain_fingerprint(expected) != shown:
            hint = "compare it with what the manager printed when it started"
            raise Invalid(f"{url} shows another certificate, {shown}", hint=hint)
        return shown
    if not asks():
        hint = f"--fingerprint {shown}, if that is what the manager printed"
        raise Invalid(f"nobody vouches for the certificate of {url}", hint=hint)
    confirm(f"{url} shows its own certificate, SHA-256 {shown}. Is that the manager's?", yes=False)
    return shown


def _key(url: str, fingerprint: str) -> str:
    """Return the key of the certificate that was just pinned."""
    shown = tls.shown_certificate(url)
    return tls.key_digest(shown) if tls.digest(shown) == fingerprint else ""


def _trusted(url: str) -> bool:
    try:
        with open_http(Context(url=url)) as http:
            http.get("/api/v1/health")
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return False
        hint = "is the manager running there?"
        raise Unreachable(f"no manager answers at {url} ({error})", hint=hint) from error
    return True


def by_code(context: Context, code: str) -> Context:
    """Return a context with a token, got for a one-time login code; raise `NotLoggedIn`."""
    return _logged_in(context, {"code": code}, BY_LINK.days)


def _logged_in(context: Context, asked: Json, days: int) -> Context:
    with open_http(context) as http:
        client = Client(http)
        me = client.ask("/login", asked)
        http.headers["X-Anypool-CSRF"] = str(me["csrf"])
        label = f"anypool on {socket.gethostname()}"
        made = client.ask("/tokens", {"label": label, "days": days})
        client.ask("/logout", {})
    return replace(context, token=made["secret"], user=me["user"])
