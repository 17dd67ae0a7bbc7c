"""Subscriptions at BMCs that tell by themselves, by requests to an address of the manager."""

from msgspec import Struct


class PushOrder(Struct, frozen=True, kw_only=True, gc=False):
    """Have a BMC push to `destination`, each time with `context`, which proves that it is the one.

    What is sent below `base`, or bears a context that begins with `mark`, is of ours: all of it
    but what is wanted is left over, and is taken away. Without a `destination` nothing is wanted.
    """

    base: str
    mark: str
    destination: str = ""
    context: str = ""


class PushReading(Struct, frozen=True, kw_only=True, gc=False):
    """The path of the subscription, "" for none; how many were made, and left over before."""

    path: str = ""
    made: int = 0
    removed: int = 0
