"""A question to something that runs, to see whether it works."""

from enum import StrEnum

from msgspec import Struct


class ProbeKind(StrEnum):
    """How health is asked for: not at all, by connecting, or by an HTTP request."""

    NONE = "none"
    TCP = "tcp"
    HTTP = "http"


class Probe(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A question to a component, asked by the manager every `interval_s` seconds.

    `address` is a name or an IP; `{vm}` in it stands for the VM's name. After `threshold`
    answers in a row that were none, or bad, it is unhealthy.
    """

    kind: ProbeKind = ProbeKind.NONE
    address: str = ""
    port: int = 0
    path: str = "/"
    interval_s: float = 10.0
    timeout_s: float = 2.0
    threshold: int = 3
