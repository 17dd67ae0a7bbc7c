"""`anypool notify`: who is told of what happened, by mail, webhook or syslog."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import first_line, note, read_secret
from anypool.cli.words import moment
from anypool.errors import Invalid
from anypool.search import Noun, parse

app = App(name="notify", help="Notifications: who is told of what happened, and how.")

COLUMNS = (
    Column("NAME", lambda one: one["id"]),
    Column("TO", lambda one: one["address"]),
    Column("FILTER", lambda one: one["filter"]),
    Column("SEVERITY", lambda one: one["severity"]),
    Column("STATE", lambda one: one["state"]),
    Column("WAITING", lambda one: one["waiting"]),
    Column("DEAD", lambda one: one["dead"]),
    Column("ERROR", lambda one: one["error"]),
    Column("NEXT TRY", lambda one: moment(one["due_at"]), wide=True),
    Column("WORKED", lambda one: moment(one["worked_at"]), wide=True),
)
_LETTERS = (
    Column("MADE", lambda one: moment(one["made_at"])),
    Column("STATE", lambda one: one["state"]),
    Column("KIND", lambda one: one["kind"]),
    Column("MESSAGE", lambda one: _told(one)),
    Column("TRIES", lambda one: one["attempts"]),
    Column("ERROR", lambda one: one["error"]),
    Column("DELIVERY", lambda one: one["id"], wide=True),
)


@Parameter(name="*", group="To whom")
@dataclass(frozen=True, kw_only=True)
class To:
    """How somebody is reached: one of --mail, --webhook, --syslog."""

    mail: Annotated[tuple[str, ...], Parameter(help="an address; can be repeated")] = ()
    server: Annotated[str, Parameter(help="mail server, HOST or HOST:PORT")] = ""
    sender: Annotated[str, Parameter(help="address that the mail is from")] = ""
    security: Annotated[
        str, Parameter(help="how the mail server is spoken to: starttls, tls or none")
    ] = "starttls"
    user: Annotated[str, Parameter(help="who logs in to the mail server")] = ""
    webhook: Annotated[
        str, Parameter(help="https address that gets a POST; @FILE hides it from others here")
    ] = ""
    syslog: Annotated[str, Parameter(help="collector, HOST or HOST:PORT")] = ""
    transport: Annotated[str, Parameter(help="how syslog is carried: tls, tcp or udp")] = "tls"
    secret_file: Annotated[
        str,
        Parameter(
            help="file with the password of the mail server, or the key that a webhook's "
            "deliveries are signed with; - is standard input"
        ),
    ] = ""
    fingerprint: Annotated[
        str, Parameter(help="SHA-256 of the one certificate to trust; else the system's do")
    ] = ""


@Parameter(name="*", group="Of what")
@dataclass(frozen=True, kw_only=True)
class What:
    """Of which events, and how many alike are told one by one."""

    filter: Annotated[
        str, Parameter(name=("--filter", "-f"), help="a search, such as `kind ~ host.*`")
    ] = ""
    severity: Annotated[str, Parameter(help="at least info, warning or error")] = "warning"
    window: Annotated[float, Parameter(help="seconds; what is alike in it becomes one")] = 60.0
    at_once: Annotated[int, Parameter(help="so many alike are told before that")] = 5


NOBODY, ALL_THAT_IS_BAD = To(), What()


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List who is told of what, and whether that works."""
    with connected(where) as client:
        show_list(client.get("/notifications")["items"], COLUMNS, where.output)


@app.command
def show(name: str, /, *, where: Where = HERE) -> None:
    """Show one notification, and what became of its newest messages."""
    with connected(where) as client:
        found = client.get(f"/notifications/{key(name)}")
        if where.output in ("table", "wide"):
            show_one(found["notification"], COLUMNS, where.output)
            show_list(found["letters"], _LETTERS, where.output)
        else:
            show_one(found, COLUMNS, where.output)


@app.command
def add(
    name: str, /, *, to: To = NOBODY, what: What = ALL_THAT_IS_BAD, where: Where = HERE
) -> None:
    """Let somebody be told of events from now on; `anypool notify test NAME` tries it."""
    receiver = _receiver(to)
    body: Json = {
        "name": name,
        "receiver": receiver,
        "filter": str(parse(what.filter, Noun.EVENT)) if what.filter else "",
        "severity": what.severity,
        "window_s": what.window,
        "at_once": what.at_once,
    }
    if to.webhook or to.user:
        asked = "key that deliveries are signed with" if to.webhook else f"password of {to.user}"
        if not to.secret_file and not to.webhook:
            asked = f"password of {to.user} at {to.server}"
        body["secret"] = read_secret(to.secret_file, asked)
    with connected(where) as client:
        show_one(client.post("/notifications", body), COLUMNS, where.output)


@app.command
def remove(name: str, /, *, where: Where = HERE) -> None:
    """Tell somebody no more; what waits for them is forgotten, and their password."""
    with connected(where) as client:
        client.delete(f"/notifications/{key(name)}")
        note(f"{name} is told of nothing any more")


@app.command(name="test")
def try_(name: str, /, *, where: Where = HERE) -> None:
    """Send a message now, and say what keeps it from getting there."""
    with connected(where) as client:
        client.post(f"/notifications/{key(name)}/test")
        note(f"{name} took a message")


@app.command
def retry(name: str, /, *, where: Where = HERE) -> None:
    """Send again, now, what was given up."""
    with connected(where) as client:
        count = client.post(f"/notifications/{key(name)}/retry")["letters"]
        note(f"{count} messages are sent again")


def _receiver(to: To) -> Json:
    ways = [way for way in (to.mail, to.webhook, to.syslog) if way]
    if len(ways) != 1:
        raise Invalid("name one way to tell somebody", hint="--mail, --webhook or --syslog")
    if to.webhook:
        found: Json = {"kind": "webhook", "url": _address(to.webhook)}
    elif to.syslog:
        found = {"kind": "syslog", "server": to.syslog, "transport": to.transport}
    else:
        if not to.server or not to.sender:
            raise Invalid("mail needs --server and --sender", hint="such as --server mail:587")
        found = {
            "kind": "mail",
            "to": list(to.mail),
            "server": to.server,
            "sender": to.sender,
            "security": to.security,
            "user": to.user,
        }
    return found | ({"fingerprint": to.fingerprint} if to.fingerprint else {})


def _address(written: str) -> str:
    if not written.startswith("@"):
        return written
    return first_line(Path(written[1:])).strip()


def _told(letter: Json) -> str:
    more = letter["count"] - 1
    return f"{letter['message']}, and {more} more" if more else str(letter["message"])
