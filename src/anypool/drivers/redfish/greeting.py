"""What a BMC tells everybody: its certificate, and the root of its service; nobody logs in."""

from anypool.drivers.redfish import fields
from anypool.drivers.redfish.channel import Channel
from anypool.drivers.redfish.service import ROOT
from anypool.drivers.seeking import Greeting
from anypool.errors import AnypoolError

SILENCE_S = 2.0
OPERATION_S = 6.0


def greet(host: str, port: int) -> Greeting | None:
    """Return what a service says of itself, None where there is none; nothing else is asked.

    The first connection sends nothing. The second one asks for the root, without credentials,
    of whoever shows the same certificate.
    """
    place = f"[{host}]" if ":" in host else host
    url = f"https://{place}:{port}"
    try:
        shown = Channel(url, "", operation_s=OPERATION_S, silence_s=SILENCE_S).shown()
        channel = Channel(url, shown, operation_s=OPERATION_S, silence_s=SILENCE_S)
        channel.open()
        try:
            root = channel.ask("GET", ROOT, {})
        finally:
            channel.close()
    except AnypoolError:
        return None
    version = fields.text(root.body, "RedfishVersion")
    if root.status != 200 or not version:
        return None
    names = (fields.text(root.body, "Vendor"), fields.text(root.body, "Product", "Name"))
    return Greeting(
        fingerprint=shown,
        version=version,
        product=" ".join(one for one in names if one),
        uuid=fields.text(root.body, "UUID").lower(),
    )
