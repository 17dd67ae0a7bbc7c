"""The route that says which policies bind an object."""

from typing import Annotated

from litestar import get
from litestar.params import PathParameter
from msgspec import Struct

from anypool.api.asking import By, Key, Use
from anypool.service.bindings import Binding, Of

Kind = Annotated[Of, PathParameter(description="the noun of the object")]


class BindingView(Struct, frozen=True, kw_only=True):
    """A policy that binds an object, or so many of the VMs and hosts that belong to it."""

    policy: str
    rule: str
    strength: str
    vms: int
    hosts: int


class BindingsView(Struct, frozen=True, kw_only=True):
    """All enabled policies that bind an object, by name."""

    items: tuple[BindingView, ...]


@get("/bindings/{kind:str}/{key:str}", sync_to_thread=True)
def list_bindings(services: Use, by: By, kind: Kind, key: Key) -> BindingsView:
    """List the policies that bind an object, itself or through its hosts and VMs."""
    return BindingsView(items=tuple(map(_view, services.bindings.of(by, kind, key))))


def _view(one: Binding) -> BindingView:
    return BindingView(
        policy=one.bound.policy,
        rule=str(type(one.bound.rule).__struct_config__.tag),
        strength=one.bound.strength,
        vms=one.vms,
        hosts=one.hosts,
    )


ROUTES = (list_bindings,)
