"""The routes of the sample pool: simulated hosts to look around with."""

from litestar import delete, get, post
from msgspec import Struct

from anypool.api.asking import By, Use
from anypool.service.sample import Standing


class SampleView(Struct, frozen=True, kw_only=True):
    """Whether there is a sample pool, and how many hosts and VMs one has."""

    there: bool
    hosts: int
    vms: int


def _view(known: Standing) -> SampleView:
    return SampleView(there=known.there, hosts=known.hosts, vms=known.vms)


@get("/sample", sync_to_thread=True)
def get_sample(services: Use, by: By) -> SampleView:
    """Say whether there is a sample pool, and how large one is."""
    return _view(services.sample.standing(by))


@post("/sample", sync_to_thread=True)
def open_sample(services: Use, by: By) -> SampleView:
    """Make the sample pool: simulated hosts and VMs in a pool of their own, called `sample`."""
    return _view(services.sample.open(by))


@delete("/sample", status_code=204, sync_to_thread=True)
def close_sample(services: Use, by: By) -> None:
    """Take the sample pool away with everything in it."""
    services.sample.close(by)


ROUTES = (get_sample, open_sample, close_sample)
