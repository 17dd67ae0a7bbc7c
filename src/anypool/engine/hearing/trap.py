"""An SNMP trap as it came over the wire: pure. Of version 3 only that there was one is read."""

from collections.abc import Iterator

from msgspec import Struct

from anypool.engine.hearing import ber

LARGEST = 8192
MOST_BINDS = 64
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
UPTIME = "1.3.6.1.2.1.1.3.0"
GENERIC = "1.3.6.1.6.3.1.1.5"
"""Below it are the traps that every agent may send: 1 is a cold start, 3 a link that is down."""
_V1, _V2C, _V3 = 0, 1, 3
_TRAP_V1, _INFORM, _TRAP_V2 = 0xA4, 0xA6, 0xA7
_ENTERPRISE_SPECIFIC = 6


class Trap(Struct, frozen=True, kw_only=True):
    """What was sent: `oid` says which trap it is, `binds` are its variables with their values.

    `raw` has the octet strings by their variable. Of version 3 neither is read. `asks` says that
    the sender waits for an answer, which it does not get.
    """

    version: str
    community: bytes = b""
    oid: str = ""
    binds: tuple[tuple[str, str], ...] = ()
    raw: dict[str, bytes] = {}
    asks: bool = False

    @property
    def texts(self) -> tuple[str, ...]:
        """The values that are words, without the trap's own bookkeeping."""
        return tuple(text for name, text in self.binds if text and name not in (TRAP_OID, UPTIME))


def read(datagram: bytes) -> Trap:
    """Return the trap that a datagram is; raise `ValueError` for anything else."""
    parts = list(ber.values(ber.value(datagram, ber.SEQUENCE)))
    if len(parts) < 3 or parts[0][0] != ber.INTEGER:
        raise ValueError("it is no message of SNMP")
    version = ber.integer(parts[0][1])
    if version == _V3:
        return Trap(version="3")
    (tag, community), (kind, body) = parts[1], parts[2]
    if version not in (_V1, _V2C) or tag != ber.OCTETS:
        raise ValueError(f"version {version} of SNMP is not known")
    if version == _V1 and kind == _TRAP_V1:
        return _version_1(community, body)
    if version == _V2C and kind in (_TRAP_V2, _INFORM):
        return _version_2(community, body, asks=kind == _INFORM)
    raise ValueError("it is no trap but another message of SNMP")


def _version_1(community: bytes, body: bytes) -> Trap:
    """Read a trap of version 1; its id is put as RFC 3584 does it."""
    parts = list(ber.values(body))
    tags = [tag for tag, _ in parts]
    if len(parts) != 6 or (tags[0], tags[2], tags[3]) != (ber.OID, ber.INTEGER, ber.INTEGER):
        raise ValueError("it is no trap of version 1")
    enterprise, generic = ber.oid(parts[0][1]), ber.integer(parts[2][1])
    if generic == _ENTERPRISE_SPECIFIC:
        oid = f"{enterprise}.0.{ber.integer(parts[3][1])}"
    else:
        oid = f"{GENERIC}.{generic + 1}"
    binds, raw = _bound(parts[5])
    return Trap(version="1", community=community, oid=oid, binds=binds, raw=raw)


def _version_2(community: bytes, body: bytes, *, asks: bool) -> Trap:
    parts = list(ber.values(body))
    if len(parts) != 4:
        raise ValueError("it is no trap of version 2")
    binds, raw = _bound(parts[3])
    oid = dict(binds).get(TRAP_OID, "")
    if not oid:
        raise ValueError("it does not say which trap it is")
    return Trap(version="2c", community=community, oid=oid, binds=binds, raw=raw, asks=asks)


def _bound(part: tuple[int, bytes]) -> tuple[tuple[tuple[str, str], ...], dict[str, bytes]]:
    if part[0] != ber.SEQUENCE:
        raise ValueError("it has no list of variables")
    found = [*_pairs(part[1])]
    raw = {name: content for name, tag, content in found if tag == ber.OCTETS}
    return tuple((name, ber.text(tag, content)) for name, tag, content in found), raw


def _pairs(content: bytes) -> Iterator[tuple[str, int, bytes]]:
    for count, (tag, pair) in enumerate(ber.values(content)):
        inside = list(ber.values(pair))
        if count >= MOST_BINDS or tag != ber.SEQUENCE or len(inside) != 2:
            raise ValueError("its variables cannot be read")
        if inside[0][0] != ber.OID:
            raise ValueError("a variable has no name")
        yield ber.oid(inside[0][1]), *inside[1]
