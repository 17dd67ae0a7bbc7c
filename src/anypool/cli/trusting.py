"""How services are logged in to whose certificate no authority vouches for."""

from typing import Annotated

from cyclopts import Parameter

from anypool.cli.client import Client, Json
from anypool.cli.terminal import asks, confirm
from anypool.errors import Invalid

PasswordFile = Annotated[
    str, Parameter(help="file with the password in its first line; - is standard input")
]
Fingerprint = Annotated[
    str, Parameter(help="SHA-256 of its certificate, as its own page says; else you are asked")
]


def confirmed(client: Client, path: str, body: Json, address: str) -> str:
    """Return the fingerprint of the certificate that a BMC shows, once a person confirmed it.

    `path` and `body` ask the manager for it. Raise `Invalid` where nobody is there to ask.
    """
    shown = str(client.ask(path, body)["fingerprint"])
    if not asks():
        raise Invalid(
            f"{address} shows a certificate with the SHA-256 {shown}",
            hint="compare it with the BMC's own page and give it as --fingerprint",
        )
    confirm(
        f"{address} shows a certificate with the SHA-256\n{shown}\nIs that the BMC's?", yes=False
    )
    return shown
