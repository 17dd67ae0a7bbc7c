"""The routes of the sample pool: simulated hosts to look around with."""

from litestar import delete, get, post

from anypool.api.asking import By, Use
from anypool.service.sample import Standing


@get("/sample", sync_to_thread=True)
def get_sample(services: Use, by: By) -> Standing:
    """Say whether there is a sample pool, and how large one is."""
    return services.sample.standing(by)


@post("/sample", sync_to_thread=True)
def open_sample(services: Use, by: By) -> Standing:
    """Make the sample pool: simulated hosts and VMs in a pool of their own, called `sample`."""
    return services.sample.open(by)


@delete("/sample", status_code=204, sync_to_thread=True)
def close_sample(services: Use, by: By) -> None:
    """Take the sample pool away with everything in it."""
    services.sample.close(by)


ROUTES = (get_sample, open_sample, close_sample)
