"""`anypool token`: secrets for programs."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import confirm, note, out
from anypool.cli.words import moment

app = App(name="token", help="API tokens: secrets for programs.")

Role = Literal["viewer", "operator", "administrator"]

COLUMNS = (
    Column("ID", lambda token: token["id"]),
    Column("USER", lambda token: token["user"]),
    Column("LABEL", lambda token: token["label"]),
    Column("ROLE", lambda token: token["role"]),
    Column("SCOPE", lambda token: "all" if token["deeds"] is None else token["deeds"]),
    Column("EXPIRES", lambda token: moment(token["expires_at"])),
    Column("LAST USED", lambda token: moment(token["last_used_at"])),
)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List tokens: one's own, all of them for an administrator."""
    with connected(where) as client:
        show_list(client.get("/tokens")["items"], COLUMNS, where.output)


@app.command
def create(
    label: str,
    /,
    *,
    role: Annotated[Role | None, Parameter(help="what it may do; what you may if left out")] = None,
    days: Annotated[int, Parameter(help="how long it lasts")] = 90,
    scope: Annotated[
        str, Parameter(help="deeds it is limited to, such as read,operate-vm; all if left out")
    ] = "",
    where: Where = HERE,
) -> None:
    """Make a token of one's own and print it; it is shown only this once."""
    body: Json = {"label": label, "days": days} | ({"role": role} if role else {})
    body |= {"deeds": [deed.strip() for deed in scope.split(",")]} if scope else {}
    with connected(where) as client:
        made = client.ask("/tokens", body)
        if where.output in ("json", "yaml"):
            show_one(made, (), where.output)
            return
        note("this is the only time it is shown:")
        out().print(made["secret"], markup=False)


@app.command
def revoke(
    token: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """End a token, by its id."""
    with connected(where) as client:
        confirm(f"End the token {token}? Programs that use it stop working.", yes=yes)
        client.delete(f"/tokens/{key(token)}")
        note(f"token {token} is ended")
