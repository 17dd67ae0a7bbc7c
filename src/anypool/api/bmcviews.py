"""What the API shows of the BMC of a host."""

from msgspec import Struct

from anypool.model import KnownBmc


class BmcView(Struct, frozen=True, kw_only=True):
    """What switches a host from outside, and what it said last; `watts` is null where unknown.

    `identified` says that it names the same machine as the host, `message` why it says nothing
    now; then `power` and `watts` are what was read at `read_at`.
    """

    url: str
    user: str
    system: str
    fingerprint: str
    product: str
    identified: bool
    power: str
    watts: float | None
    read_at: float | None
    message: str


def bmc_view(known: KnownBmc) -> BmcView:
    """Return a BMC as it is shown; its password never is."""
    return BmcView(
        url=known.bmc.url,
        user=known.bmc.user,
        system=known.bmc.system,
        fingerprint=known.bmc.fingerprint,
        product=known.bmc.product,
        identified=known.bmc.identified,
        power=known.reading.power,
        watts=known.reading.watts,
        read_at=known.read_at or None,
        message=known.message,
    )
