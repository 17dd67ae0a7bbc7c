"""`anypool user`: people."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import Json, key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import asks, confirm, note, read_secret
from anypool.cli.token import Role
from anypool.cli.words import moment

app = App(name="user", help="Users.")

COLUMNS = (
    Column("NAME", lambda user: user["name"]),
    Column("ROLE", lambda user: user["role"]),
    Column("DISABLED", lambda user: user["disabled"]),
    Column("CREATED", lambda user: moment(user["created_at"])),
)


@app.command(name="list")
def list_(*, where: Where = HERE) -> None:
    """List users."""
    with connected(where) as client:
        show_list(client.get("/users")["items"], COLUMNS, where.output)


@app.command
def add(
    name: str,
    /,
    *,
    role: Annotated[Role, Parameter(help="what they may do")] = "viewer",
    password_file: Annotated[str, Parameter(help="file with the password; - is stdin")] = "",
    no_password: Annotated[bool, Parameter(help="they log in by `anypool login-link`")] = False,
    where: Where = HERE,
) -> None:
    """Add a user."""
    body: Json = {"name": name, "role": role}
    if not no_password:
        body["password"] = read_secret(password_file, f"password for {name}")
    with connected(where) as client:
        show_list([client.post("/users", body)], COLUMNS, where.output)


@app.command
def role(name: str, role: Role, /, *, where: Where = HERE) -> None:
    """Change what a user may do."""
    with connected(where) as client:
        row = client.patch(f"/users/{key(name)}", {"role": role})
        show_list([row], COLUMNS, where.output)


@app.command
def password(
    name: str = "",
    /,
    *,
    old_file: Annotated[str, Parameter(help="file with the old password; - is stdin")] = "",
    password_file: Annotated[str, Parameter(help="file with the new one; - is stdin")] = "",
    where: Where = HERE,
) -> None:
    """Set a user's password, or without NAME one's own; their sessions end."""
    new = read_secret(password_file, "new password")
    with connected(where) as client:
        if name:
            client.patch(f"/users/{key(name)}", {"password": new})
        else:
            old = read_secret(old_file, "old password") if old_file or asks() else ""
            client.ask("/me/password", {"old": old, "new": new})
    note("the password is set")


@app.command
def remove(
    name: str,
    /,
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Remove a user with all their tokens and sessions."""
    with connected(where) as client:
        confirm(f"Remove {name} with all their tokens?", yes=yes)
        client.delete(f"/users/{key(name)}")
        note(f"user {name} is removed")
