"""Redfish pushes: subscriptions at BMCs without a stream of events, and what comes from them.

A push proves by its context that it is of the BMC that was given that, and still it is a hint:
the server is looked at. Subscriptions are looked after as long as this manager leads; they are
renewed where a BMC forgot them, and taken away when its server leaves or nothing is wanted.
"""

import hashlib
import hmac
import json
import logging
import secrets as randomness
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from anypool.clock import Clock, backoff
from anypool.engine.engine import Engine
from anypool.engine.hearing.bounds import Bucket
from anypool.engine.hearing.hints import Hints
from anypool.engine.threads import LookingAtMany, UnderWay
from anypool.errors import AnypoolError, Invalid, NotSupported, StoreFailed
from anypool.model import Adoption, Endpoint, EndpointId, taken_apart
from anypool.model.push import PushOrder
from anypool.settings import Settings
from anypool.store import Store, secrets

log = logging.getLogger(__name__)

PATH = "/api/v1/pushes/"
FIELD = "push"
"""The field of a secret that a BMC was given."""
DRIVER = "redfish"
LONGEST = 1 << 16
"""Bytes of a push that are read."""
RENEW_S = 600.0
"""Between two looks at a subscription: a BMC that starts anew may have forgotten it."""
SOON_S, LATE_S = 60.0, 3600.0
AT_ONCE = 4
TAKEN = (60.0, 5.0)
"""Pushes of one BMC that are read, at once and a second; more are taken for the same hint."""
_IDLE_S = 5.0


class Pushed(Struct, frozen=True, kw_only=True):
    """How it stands with the pushes of one BMC; moments are in seconds since 1970, 0 for never.

    `message` says why it has no subscription. `made` counts subscriptions: more than one were
    forgotten by the BMC. `left_over` were another manager's, or our own of before; `dropped`
    pushes too many at once; `refused` ones without the right context.
    """

    endpoint: EndpointId
    path: str = ""
    message: str = ""
    seen_at: float = 0.0
    made: int = 0
    left_over: int = 0
    received: int = 0
    refused: int = 0
    dropped: int = 0
    last_at: float = 0.0


class _State:
    """What is known of the pushes of one endpoint."""

    def __init__(self, endpoint: EndpointId, secret: str) -> None:
        self.secret = secret
        self.pushed = Pushed(endpoint=endpoint)
        self.due_at = 0.0
        self.failures = 0
        self.bucket = Bucket(*TAKEN)


class Pushes(LookingAtMany):
    """Methods may be called from any thread; BMCs are spoken to on threads of its own.

    A manager that stops leaves the subscriptions as they are: it or another goes on with them.
    """

    def __init__(
        self, engine: Engine, store: Store, clock: Clock, settings: Settings, hints: Hints
    ) -> None:
        super().__init__("pushes", clock, AT_ONCE)
        self._engine, self._store, self._clock, self._hints = engine, store, clock, hints
        self.url = pushed_to(settings.bmc_push_url)
        self._lock = threading.Lock()
        self._states: dict[EndpointId, _State] = {}
        self._keys: dict[str, EndpointId] = {}
        self._led = False
        self._under_way = UnderWay()
        self.unknown = 0
        engine.servers.before_leaving(self.leave)

    def standing(self) -> tuple[Pushed, ...]:
        """Return how it stands with each BMC that was asked for pushes, by endpoint."""
        with self._lock:
            return tuple(self._states[key].pushed for key in sorted(self._states))

    def round(self) -> float:
        """See to the subscriptions that are due; return the seconds until the next look."""
        if not self._engine.leads:
            with self._lock:
                self._states, self._keys, self._led = {}, {}, False
            return _IDLE_S
        wanted = {one.id for one in self._wanted()} if self.url else set()
        if not self._led:
            self._recall()
        with self._lock:
            known = set(self._states)
        now = self._clock.monotonic()
        for key in sorted(wanted | known):
            state = self._state(key)
            if now < state.due_at:
                continue
            task = self._under_way.once(key, partial(self._settle, key, wanted=key in wanted))
            if task is not None:
                self.submit(task)
        return _IDLE_S

    def take(self, key: str, body: bytes) -> bool:
        """Take a push; return whether it is of a BMC that we asked, and bears its context."""
        now = self._clock.monotonic()
        with self._lock:
            endpoint = self._keys.get(key)
            state = None if endpoint is None else self._states.get(endpoint)
            if state is None or endpoint is None:
                self.unknown += 1
                return False
            if not state.bucket.take(now):
                self._count(state, dropped=1)
                return True
        good = hmac.compare_digest(_context(body).encode(), self._told(state.secret).encode())
        with self._lock:
            self._count(state, received=int(good), refused=int(not good))
        if good:
            look = partial(self._engine.servers.look, endpoint)
            self._hints.note(f"endpoint {endpoint}", look)
        return good

    def leave(self, endpoint: EndpointId) -> None:
        """Take away what an endpoint pushes to us, before it is forgotten; never raises."""
        with self._lock:
            state = self._states.pop(endpoint, None)
            if state is not None:
                self._keys.pop(_key(state.secret), None)
        if state is None or not (state.pushed.path or endpoint in self._under_way):
            return
        try:
            self._engine.servers.subscribe(endpoint, self._order(""))
        except AnypoolError as error:
            log.warning("the subscription at %s stays there: %s", endpoint, error)

    def _wanted(self) -> Iterator[Endpoint]:
        """Yield the BMCs of adopted servers that may be written to."""
        adopted = {one.endpoint for one in self._engine.inventory.servers.values()
                   if one.adoption is Adoption.ADOPTED}  # fmt: skip
        for one in self._engine.endpoints():
            if one.driver == DRIVER and one.id in adopted and not one.observe_only:
                yield one

    def _recall(self) -> None:
        """Know what BMCs were given before, by this manager or by one that led."""
        found = dict[EndpointId, str]()
        with self._store.reading() as tx:
            for one in self._engine.endpoints():
                if one.driver == DRIVER:
                    with suppress(StoreFailed):  # it does not open: another one is given
                        found[one.id] = secrets.get(tx, one.id, FIELD)
        with self._lock:
            for key, secret in found.items():
                if secret:
                    self._states[key] = _State(key, secret)
                    self._keys[_key(secret)] = key
            self._led = True

    def _state(self, key: EndpointId) -> _State:
        """Return what is known of an endpoint; one that is new gets a secret, which is kept."""
        with self._lock:
            if (state := self._states.get(key)) is not None:
                return state
        secret = randomness.token_hex(24)
        with self._store.writing() as tx:
            secrets.put(tx, key, FIELD, secret)
        with self._lock:
            state = self._states[key] = _State(key, secret)
            self._keys[_key(secret)] = key
        return state

    def _settle(self, key: EndpointId, *, wanted: bool) -> None:
        """Bring the subscription of one BMC to what is wanted, and say when to look again."""
        with self._lock:
            state = self._states.get(key)
        if state is None:
            return
        try:
            found = self._engine.servers.subscribe(key, self._order(state.secret if wanted else ""))
        except AnypoolError as error:
            state.failures += 1
            first_s = LATE_S if isinstance(error, NotSupported) else SOON_S
            state.due_at = self._clock.monotonic() + backoff(first_s, LATE_S, state.failures - 1)
            with self._lock:
                state.pushed = replace(state.pushed, path="", message=error.in_full)
            return
        state.failures, state.due_at = 0, self._clock.monotonic() + RENEW_S
        with self._lock:
            old = state.pushed
            state.pushed = replace(
                old,
                path=found.path,
                message="" if wanted else "not wanted any more",
                seen_at=self._clock.now(),
                made=old.made + found.made,
                left_over=old.left_over + found.removed,
            )
        if found.made:  # what happened before it told us is not known
            self._hints.note(f"endpoint {key}", partial(self._engine.servers.look, key))
        if not wanted:
            self._forget(key)

    def _forget(self, key: EndpointId) -> None:
        with self._store.writing() as tx:
            secrets.delete(tx, key, FIELD)
        with self._lock:
            state = self._states.pop(key, None)
            if state is not None:
                self._keys.pop(_key(state.secret), None)

    def _order(self, secret: str) -> PushOrder:
        base = f"{self.url}{PATH}" if self.url else "nowhere:"
        mark = f"anypool:{self._store.site}:"
        if not secret:
            return PushOrder(base=base, mark=mark)
        destination = f"{base}{_key(secret)}"
        return PushOrder(base=base, mark=mark, destination=destination, context=self._told(secret))

    def _told(self, secret: str) -> str:
        return f"anypool:{self._store.site}:{secret}"

    def _count(self, state: _State, **more: int) -> None:
        counted = {name: getattr(state.pushed, name) + by for name, by in more.items()}
        state.pushed = replace(state.pushed, last_at=self._clock.now(), **counted)


def _key(secret: str) -> str:
    """Return by which part of its address a push is known; the secret is not told by it."""
    return hashlib.sha256(f"push {secret}".encode()).hexdigest()[:32]


def _context(body: bytes) -> str:
    """Return the context of a push, "" where there is none that can be read."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    context = found.get("Context") if isinstance(found, dict) else None
    return context if isinstance(context, str) and context.isascii() else ""


def pushed_to(text: str) -> str:
    """Return the address that BMCs push to, without a slash at its end; raise `Invalid`."""
    hint = "write https://ADDRESS:PORT, as BMCs reach this manager"
    place = taken_apart(text, hint)
    plain = f"{place.scheme}://{place.netloc}"
    good = place.scheme in ("https", "http") and place.hostname and "@" not in place.netloc
    if text and (not good or text.rstrip("/") != plain):
        raise Invalid(f"settings: bmc_push_url is no address: {text[:80]}", hint=hint)
    return text.rstrip("/")
