"""The certificate a BMC of the lab shows: the lab's one, or a stranger's while it is told so."""

import ssl
from typing import Any

from anypool.lab import bmc_moods
from anypool.lab.places import LabPlaces
from anypool.lab.spec import Server


def context(places: LabPlaces, server: Server) -> ssl.SSLContext:
    """Return the TLS of one BMC; its mood is asked at each connection."""
    usual = _with(places.bmc_certificate, places.bmc_key)
    strange = _with(places.bmc_other_certificate, places.bmc_other_key)

    def choose(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        if bmc_moods.mood_of(places, server.name) == "other-certificate":
            connection.context = strange

    usual.sni_callback = choose
    return usual


def _with(certificate: object, key: object) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(str(certificate), str(key))
    return made
