"""Plans, actions and inventories as bytes: equal values give equal bytes."""

import hashlib

import msgspec

from anypool.errors import Invalid
from anypool.model import Inventory
from anypool.plan.plan import Plan

FORMAT = 1

_encoder = msgspec.json.Encoder(order="deterministic")


class _Stored(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    plan: Plan


_decoder = msgspec.json.Decoder(_Stored)


def encode_plan(plan: Plan) -> bytes:
    """Return JSON with a format number; sets are sorted."""
    return _encoder.encode(_Stored(format=FORMAT, plan=plan))


def decode_plan(data: bytes) -> Plan:
    """Return the plan; raise `Invalid` for anything this release does not know."""
    try:
        stored = _decoder.decode(data)
    except msgspec.DecodeError as error:
        hint = "it was stored by another release; it can be looked at but not run"
        raise Invalid(f"stored plan not understood: {error}", hint=hint) from error
    if stored.format != FORMAT:
        raise Invalid(f"stored plan has format {stored.format}, this release knows {FORMAT}")
    return stored.plan


def encode_inventory(inventory: Inventory) -> bytes:
    """Return JSON of hosts, VMs, datastores, networks and images; the indexes are left out."""
    parts = {
        name: list(getattr(inventory, name).values())
        for name in ("hosts", "vms", "datastores", "networks", "images")
    }
    return _encoder.encode(parts)


def digest(inventory: Inventory) -> str:
    """Return a SHA-256 over the encoded inventory, in hex."""
    return hashlib.sha256(encode_inventory(inventory)).hexdigest()
