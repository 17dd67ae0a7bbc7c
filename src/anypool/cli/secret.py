"""`anypool secret`: the keys that passwords of endpoints are encrypted with."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import confirm, note
from anypool.errors import Conflict

app = App(name="secret", help="Secrets: the keys they are encrypted with.")

_KEYS = (
    Column("KEY", lambda key: key["id"]),
    Column("SEALS NEW", lambda key: key["seals_new"]),
    Column("SECRETS", lambda key: key["secrets"]),
    Column("IN THE FILE", lambda key: key["present"]),
)
_ROTATED = (
    Column("KEY", lambda done: done["key"]),
    Column("SECRETS", lambda done: done["secrets"]),
    Column("DROPPED KEYS", lambda done: done["dropped"]),
    Column("UNNEEDED KEYS", lambda done: done["unneeded"]),
)


@app.command
def status(*, where: Where = HERE) -> None:
    """Say which keys encrypt how many secrets; it ends with an error if one cannot be read."""
    with connected(where) as client:
        found = client.get("/secrets/keys")
        if where.output in ("table", "wide"):
            note(f"{found['file']}{', a credential of systemd' if found['credential'] else ''}")
            show_list(found["keys"], _KEYS, where.output)
        else:
            show_one(found, _KEYS, where.output)
        if found["unreadable"]:
            raise Conflict(
                f"{found['unreadable']} secrets cannot be read: their key is not in the file, "
                "or they were altered",
                hint="restore the key file, or enter the passwords again",
            )


@app.command
def rotate(
    *,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), help="agree beforehand")] = False,
    where: Where = HERE,
) -> None:
    """Encrypt every secret with a new key, and drop the old ones.

    Interrupted, even by the death of the manager, every secret stays readable; say it again.
    """
    with connected(where) as client:
        confirm("Encrypt every secret with a new key?", yes=yes)
        done = client.post("/secrets/rotate")
        show_one(done, _ROTATED, where.output)
        if done["unneeded"]:
            note("take the unneeded keys out of the credential: docs/howto/rotate-keys.md")
        else:
            note("other managers on this database need a copy of the key file now")
