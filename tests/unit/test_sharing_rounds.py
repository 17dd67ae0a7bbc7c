"""Who is given pools, by what its row says and by the clock of the one that leads alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anypool.clock import ManualClock
from anypool.drivers.lent import Links
from anypool.drivers.link import Place
from anypool.engine import Engine
from anypool.engine.sharing import AVOID_S, Sharing
from anypool.model import Endpoint, EndpointId, KnownPool, Pool, PoolId
from anypool.settings import Settings
from anypool.store import Store, peers, poolleases
from anypool.store.peers import Peer

LEASE_S = 6.0
ME = Peer(holder="m1:1", host="m1", address="https://m1:1")
OTHER = Peer(holder="m2:1", host="m2", address="https://m2:1")
POOLS = ("a", "b")


class Told(Links):
    """Links that only remember where pools are."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.places: dict[str, Place] = {}
        self.silent_s = 0.0

    def use(self, places: Mapping[str, Place]) -> None:
        self.places = dict(places)

    def down(self) -> dict[str, float]:
        return {place.holder: self.silent_s for place in self.places.values()}


class Scene:
    """A manager that leads, its records, and another one that gives signs of life or not."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = Store.open(f"sqlite:///{folder}/x.db", clock=self.clock)
        assert self.store.take_lease(ME.holder, 600.0, ME) == 1
        self.links = Told(self.clock)
        ends = [
            Endpoint(id=EndpointId(p), driver="libvirt", uri=f"qemu+tls://{p}/system", pool=p)
            for p in POOLS
        ]
        known = [KnownPool(pool=Pool(id=PoolId(name))) for name in ("default", *POOLS)]
        self.engine: Any = SimpleNamespace(
            leads=True,
            keeper=SimpleNamespace(peer=ME),
            pools=SimpleNamespace(all=lambda: known),
            endpoints=lambda: ends,
        )
        settings = Settings(state_dir=str(folder), lease_s=LEASE_S)
        self.sharing = Sharing(
            cast(Engine, self.engine), self.store, self.clock, settings, self.links
        )

    def sign(self, peer: Peer = OTHER) -> None:
        with self.store.writing(shared=True) as tx:
            peers.put(tx, peer)

    def rounds(self, count: int = 1, *, signs: bool = True, of: Peer = OTHER) -> dict[str, str]:
        """Play some rounds a second apart; return who has which pool."""
        for _ in range(count):
            self.clock.advance(1.0)
            if signs:
                self.sign(of)
            self.sharing.round()
        return {one.pool: one.holder for one in self.leases()}

    def leases(self) -> tuple[poolleases.PoolLease, ...]:
        with self.store.reading() as tx:
            return poolleases.every(tx)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.store.close()


ALL_MINE = dict.fromkeys(("a", "b", "default"), ME.holder)


def test_who_gives_signs_of_life_has_pools_until_a_lease_after_the_last(scene: Scene) -> None:
    assert scene.rounds() == ALL_MINE, "one sign may be old"
    shared = scene.rounds()
    assert sorted(shared.values()) == [ME.holder, ME.holder, OTHER.holder]
    assert shared["default"] == ME.holder, "nothing is in it"
    (pool,) = scene.links.places
    place = scene.links.places[pool]
    assert (place.holder, place.url, place.near) == (OTHER.holder, OTHER.address, False)
    epochs = [one.epoch for one in scene.leases()]
    assert scene.rounds(20) == shared
    assert [one.epoch for one in scene.leases()] == epochs, "nothing is written while all is well"
    assert scene.rounds(5, signs=False) == shared
    assert scene.rounds(signs=False) == ALL_MINE
    assert scene.links.places == {}


def test_who_is_drained_or_cannot_be_reached_has_none(scene: Scene) -> None:
    scene.rounds(2)
    with scene.store.writing(shared=True) as tx:
        peers.drain(tx, OTHER.holder, "ada")
    assert scene.rounds() == ALL_MINE
    with scene.store.writing(shared=True) as tx:
        peers.call_back(tx, OTHER.holder)
    assert OTHER.holder in scene.rounds().values()
    there = Peer(holder=OTHER.holder, host="m2", address="http://127.0.0.1:1")
    assert scene.rounds(of=there) == ALL_MINE


def test_where_nothing_comes_through_none_is_for_a_while(scene: Scene) -> None:
    scene.rounds(2)
    scene.links.silent_s = LEASE_S + 1
    assert scene.rounds() == ALL_MINE
    scene.links.silent_s = 0.0
    assert scene.rounds(int(AVOID_S) - 1) == ALL_MINE
    assert OTHER.holder in scene.rounds(2).values()


def test_each_reign_has_keys_and_epochs_of_its_own(scene: Scene) -> None:
    scene.rounds(2)
    before, (first,) = scene.leases(), scene.links.places.values()
    scene.store.give_lease()
    scene.engine.leads = False
    scene.rounds()
    assert scene.links.places == {}, "who does not lead has nobody look"
    assert scene.store.take_lease(ME.holder, 600.0, ME) == 2
    scene.engine.leads = True
    scene.rounds(1)
    (second,) = scene.links.places.values()
    assert first.key != second.key
    for old, new in zip(before, scene.leases(), strict=True):
        assert new.epoch > old.epoch
        assert new.holder == old.holder
        assert new.since == old.since
        assert old.holder == ME.holder or old.key_digest == poolleases.digest(first.key)
        assert new.holder == ME.holder or new.key_digest == poolleases.digest(second.key)
