"""Reasons as values: a code and its facts, put into words by one catalogue.

Codes and facts are stored; the words are made when somebody reads them, so that
they can be translated and improved without touching what was decided.
"""

from msgspec import Struct

Fact = str | int


class Reason(Struct, frozen=True, kw_only=True, gc=False):
    """Why something is done or refused; `facts` are sorted by name."""

    code: str
    facts: tuple[tuple[str, Fact], ...] = ()


CATALOGUE: dict[str, str] = {
    "asked": "asked for by {who}",
    "evacuate.closed": "no VM runs here any more",
    "evacuate.already": "{host} has no running VM",
    "place.most-free": "most free memory: {free} left there afterwards",
    "place.less-free": "would leave {left} free, {best} elsewhere",
    "place.equal": "as good; the first of equals was taken",
    "place.tight": "the pool is tight: this choice leaves room for the others",
    "place.chosen": "the host was named",
    "place.stays": "the VM is defined here",
    "host.state": "host is {state}",
    "host.maintenance": "host is in maintenance",
    "host.observe-only": "may only be looked at: pool {pool} or its endpoint is observe-only",
    "host.memory": "memory {short} short: needs {need}, {free} free",
    "host.cannot": "cannot do {capability}",
    "host.datastore": "datastore {datastore} is not reachable",
    "host.network": "network {network} is not there",
    "host.arch": "is {arch}, the VM needs {need}",
    "host.cpu-model": "does not offer CPU model {model}",
    "host.no-peer": "has no address for its peers",
    "host.private-disk": "disk {path} lies on no datastore that is known",
    "host.local-disk": "volume {volume} lies on the local datastore {datastore}",
    "host.full": "{vcpus} vCPUs wanted, only {cpus} CPUs",
    "vm.not-running": "{vm} is {state}: nothing to migrate",
    "vm.snapshots": "{vm} has {count} snapshots, which pin it to its host",
    "vm.in-motion": "{vm} is in the middle of a migration",
    "vm.copies": "{vm} is known on {count} more hosts: remove the other copy first",
    "vm.host-cannot": "the host of {vm} cannot migrate live",
    "vm.unknown": "{vm} is unknown: its host does not answer",
}


def reason(code: str, **facts: Fact) -> Reason:
    """Return a reason; raise `KeyError` for a code or a fact the catalogue does not know."""
    CATALOGUE[code].format(**facts)
    return Reason(code=code, facts=tuple(sorted(facts.items())))


def say(why: Reason) -> str:
    """Return the words of a reason; an unknown code is shown as it is, with its facts."""
    facts = dict(why.facts)
    template = CATALOGUE.get(why.code)
    if template is None:
        return " ".join([why.code, *(f"{name}={value}" for name, value in why.facts)])
    return template.format(**facts)
