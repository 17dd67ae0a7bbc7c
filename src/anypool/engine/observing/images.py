"""Images as they are kept, and the watch over their volumes."""

import threading
from collections.abc import Callable, Iterable
from functools import partial

from anypool.clock import Clock
from anypool.engine.observing import imaging
from anypool.engine.observing.board import Board, Notice
from anypool.engine.observing.digests import Progress, Readers
from anypool.engine.observing.imaging import Changed, News, Read
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.picture import Picture
from anypool.errors import NotFound
from anypool.model import Digest, Image, ImageId, Place, Volume
from anypool.plan import say
from anypool.store import Store, Tx, events, facts
from anypool.store.records import EventRecord, Severity

LOOK_S = 5.0


class Images:
    """All images; one change at a time, so that none gets lost.

    `leads` says whether this manager is at work, `must_lead` raises if it is not.
    """

    def __init__(
        self,
        store: Store,
        seen: tuple[Observer, Board, Clock],
        limit_mib_s: int,
        *,
        leads: Callable[[], bool],
        must_lead: Callable[[], None],
    ) -> None:
        self._store = store
        self._observer, self._board, self._clock = seen
        self._leads = leads
        self._must_lead = must_lead
        self._changing = threading.Lock()
        self.woken = threading.Event()
        self.readers = Readers(self._observer, self._clock, limit_mib_s, leads=leads)
        self.readers.done = self._was_read

    def add(self, image: Image, by: str) -> None:
        """Keep a new image; `Conflict` if its name is taken."""
        self._must_lead()
        with self._changing, self._store.writing() as tx:
            facts.images.put(tx, image)
            events.append(tx, _event("image.added", image, "added", by))
            images = facts.images.all(tx)
        self._show(images)

    def change(self, key: ImageId, by: str, what: str, how: Callable[[Image], Image]) -> Image:
        """Keep an image as `how` makes it of what is kept; `what` are words for its event.

        Raise `NotFound`, and what `how` raises: then nothing is changed.
        """
        self._must_lead()
        with self._changing, self._store.writing() as tx:
            image = how(_kept(tx, key))
            facts.images.put(tx, image)
            events.append(tx, _event("image.edited", image, what, by))
            images = facts.images.all(tx)
        self._show(images)
        return image

    def remove(self, key: ImageId, by: str) -> None:
        """Forget an image; its volumes stay. Raise `NotFound`."""
        self._must_lead()
        with self._changing, self._store.writing() as tx:
            image = _kept(tx, key)
            facts.images.delete(tx, key)
            events.append(tx, _event("image.removed", image, "removed", by))
            images = facts.images.all(tx)
        self._show(images)

    def progress(self, place: Place) -> Progress | None:
        """Return how the reading of a volume stands, None if it is not to be read."""
        return self.readers.of(place)

    def verify(self, places: Iterable[Place]) -> None:
        """Have volumes read again, whether or not somebody wrote to them."""
        self._must_lead()
        self.readers.want(places, at_once=True)

    def round(self) -> float:
        """Look at the volumes of all images; return the seconds until the next look."""
        if self._leads():
            images = tuple(self._observer.inventory.images.values())
            if images:
                self._look(images)
            self.readers.keep(frozenset(place for one in images for place in one.places))
        return LOOK_S

    def close(self) -> None:
        """Read no volume any more."""
        self.readers.close()

    def _look(self, images: tuple[Image, ...]) -> None:
        stores = frozenset(place[0] for image in images for place in image.places)
        on = self._observer.volumes_on(stores)
        wanted = frozenset(place for image in images for place in image.places)
        there = {
            (volume.datastore, volume.name): volume
            for volumes in {id(one): one for one in on.values()}.values()
            for volume in volumes
            if (volume.datastore, volume.name) in wanted
        }
        for image in images:
            inventory = self._observer.inventory
            how = partial(imaging.seen, there=there, looked=on.keys(), inventory=inventory)
            after, _ = how(image)
            if after != image:
                after = self._settled(image.id, how) or after
            self.readers.want(place for place in imaging.unread(after) if place in there)

    def _was_read(self, place: Place, digest: Digest) -> None:
        volume = self._volume(place)
        found = Read(place=place, digest=digest, at=self._clock.now(), volume=volume)
        for image in tuple(self._observer.inventory.images.values()):
            if image.holder(place) is not None:
                inventory = self._observer.inventory
                self._settled(image.id, partial(imaging.read, found=found, inventory=inventory))

    def _volume(self, place: Place) -> Volume | None:
        seen = self._observer.volumes_on((place[0],)).get(place[0], ())
        return next((one for one in seen if (one.datastore, one.name) == place), None)

    def _settled(self, key: ImageId, how: Callable[[Image], Changed]) -> Image | None:
        """Keep what `how` makes of an image, with its events; None if it is not there any more."""
        with self._changing, self._store.writing() as tx:
            before = facts.images.get(tx, key)
            if before is None:
                return None
            after, news = how(before)
            if after == before:
                return before
            facts.images.put(tx, after)
            for one in news:
                events.append(tx, _news(after, one))
            images = facts.images.all(tx)
        self._show(images, wake=False)
        return after

    def _show(self, images: tuple[Image, ...], *, wake: bool = True) -> None:
        self._observer.change(partial(Picture.put_images, images=images))
        self._board.tell((Notice("event"),))
        if wake:
            self.woken.set()


def _kept(tx: Tx, key: ImageId) -> Image:
    found = facts.images.get(tx, key)
    if found is None:
        raise NotFound(f"there is no image {key}", hint="`anypool image list` shows them")
    return found


def _event(kind: str, image: Image, what: str, by: str) -> EventRecord:
    return EventRecord(
        kind=kind,
        message=f"image {image.name} {what}",
        subject_kind="image",
        subject_id=image.id,
        by=by,
    )


def _news(image: Image, news: News) -> EventRecord:
    return EventRecord(
        kind=news.kind,
        message=say(news.said),
        said=news.said,
        severity=Severity.WARNING if news.warning else Severity.INFO,
        subject_kind="image",
        subject_id=image.id,
    )
