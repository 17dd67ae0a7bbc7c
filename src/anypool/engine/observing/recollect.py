"""What the database knows of the pool, before anybody was asked."""

from anypool.engine.observing.ours import Ours
from anypool.engine.observing.picture import Picture
from anypool.store import Store, bookings, facts, observed


def recollected(store: Store) -> Picture:
    """Return what was last known; all of it UNKNOWN until it is read."""
    with store.reading() as tx:
        known = observed.load(tx)
        ours = Ours(
            {one.host: one for one in facts.hosts.all(tx)},
            {one.vm: one for one in facts.vms.all(tx)},
            {one.datastore: one for one in facts.datastores.all(tx)},
            bookings.booked_mib(tx),
        )
        images = facts.images.all(tx)
    picture = Picture(ours)
    picture.remember(known)
    picture.put_images(images)
    return picture
