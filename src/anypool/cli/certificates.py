"""`anypool tls`: certificates, until when they are good, and renewing them."""

from typing import Annotated

from cyclopts import App, Parameter

from anypool.cli.client import key
from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list, show_one
from anypool.cli.terminal import asks, confirm, note
from anypool.cli.words import moment
from anypool.errors import Invalid, NotFound

app = App(name="tls", help="Certificates: until when they are good, and renewing them.")

COLUMNS = (
    Column("ID", lambda one: one["id"]),
    Column("OF", lambda one: one["what"]),
    Column("STATE", lambda one: one["state"]),
    Column("UNTIL", lambda one: moment(one["until"])),
    Column("PINNED", lambda one: "yes" if one["pinned"] else "no"),
    Column("ERROR", lambda one: one["error"]),
    Column("PLACE", lambda one: one["place"], wide=True),
    Column("SUBJECT", lambda one: one["subject"], wide=True),
    Column("FINGERPRINT", lambda one: one["fingerprint"], wide=True),
    Column("LOOKED AT", lambda one: moment(one["looked_at"]), wide=True),
)


@app.command(name="list")
def list_(
    *,
    now: Annotated[bool, Parameter(help="look at all of them first")] = False,
    where: Where = HERE,
) -> None:
    """List the certificates that conversations rest on, as they were seen last."""
    with connected(where) as client:
        found = client.post("/certificates/look") if now else client.get("/certificates")
        show_list(found["items"], COLUMNS, where.output)


@app.command
def renew(
    *,
    new_key: Annotated[
        bool, Parameter(help="with another key: everybody who trusts the old one is asked again")
    ] = False,
    where: Where = HERE,
) -> None:
    """Make another certificate for the manager, where it shows one of its own making."""
    with connected(where) as client:
        found = client.post("/certificates/renew", {"new_key": new_key})["items"]
        show_list([one for one in found if one["id"] == "manager"], COLUMNS, where.output)


@app.command(name="confirm")
def confirm_(
    certificate: Annotated[str, Parameter(help="its id, as `anypool tls list` shows it")],
    /,
    *,
    fingerprint: Annotated[
        str, Parameter(help="SHA-256 of the new certificate, as its owner says; else you are asked")
    ] = "",
    where: Where = HERE,
) -> None:
    """Trust another certificate of a BMC or a vCenter, which must show it now."""
    with connected(where) as client:
        shown = fingerprint
        if not shown:
            rows = client.post("/certificates/look")["items"]
            known = next((one for one in rows if one["id"] == certificate), None)
            if known is None:
                hint = "`anypool tls list` shows them"
                raise NotFound(f"there is no certificate {certificate}", hint=hint)
            shown = str(known["fingerprint"])
            if not asks():
                hint = "compare it with what its owner says and give it as --fingerprint"
                raise Invalid(f"{known['what']} shows the certificate {shown}", hint=hint)
            question = (
                f"{known['what']} shows a certificate with the SHA-256\n{shown}\nIs it right?"
            )
            confirm(question, yes=False)
        path = f"/certificates/{key(certificate)}/confirm"
        show_one(client.post(path, {"fingerprint": shown}), COLUMNS, where.output)
        note(f"{certificate} is trusted with that certificate")
