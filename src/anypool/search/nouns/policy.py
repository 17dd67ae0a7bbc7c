"""What can be asked about a policy."""

from typing import Any

from anypool.model import Policy, Strength
from anypool.search.field import Field, Kind, Table


def kind_of(policy: Policy) -> str:
    """Return the kind of rule a policy holds, as it is written in files and requests."""
    return str(policy.rule.__struct_config__.tag)


POLICY: Table[Any] = Table(
    fields=(
        Field("name", Kind.TEXT, lambda known, _: known.policy.id, "its name", free=True),
        Field("kind", Kind.TEXT, lambda known, _: kind_of(known.policy), "kind of rule", free=True),
        Field("scope", Kind.TEXT, lambda known, _: known.policy.scope, "its query", free=True),
        Field(
            "strength",
            Kind.ENUM,
            lambda known, _: known.policy.strength,
            "must or should",
            tuple(Strength),
        ),
        Field("enabled", Kind.BOOL, lambda known, _: known.policy.enabled, "whether it is on"),
        Field(
            "description", Kind.TEXT, lambda known, _: known.policy.description, "words", free=True
        ),
        Field("vms", Kind.NUMBER, lambda known, _: known.vms, "number of VMs it binds"),
        Field("hosts", Kind.NUMBER, lambda known, _: known.hosts, "number of hosts it names"),
        Field(
            "breaches", Kind.NUMBER, lambda known, _: len(known.breaches), "how often it is broken"
        ),
    ),
)
