"""Servers that become hosts of a pool by their profiles: by which keys, and how they are kept.

The manager has one key of its own for them. Its public half goes to the boot host with each
profile; the host key that was made there for the epoch comes back the same way and is pinned.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from anypool.engine.observing.boothosts import BootHosts
from anypool.engine.observing.endpoints import Endpoints
from anypool.engine.observing.observe import Observer
from anypool.engine.observing.vitals import Settled
from anypool.engine.runs.runner import Runner
from anypool.errors import Busy, NotFound, Unreachable
from anypool.model import Endpoint, HostId, Inventory
from anypool.model.profile import mark_of
from anypool.plan import JoinHost, LeaveHost, reason, say
from anypool.store import Store, profiles, secrets

OWNER, FIELD = "pool-hosts", "ssh-key"
DRIVER = "libvirt"
BY = "anypool"


class Hosting:
    """Takes servers into their pools, and forgets them; `endpoints` keeps how they are asked."""

    def __init__(
        self, store: Store, observer: Observer, endpoints: Endpoints, runner: Runner
    ) -> None:
        self._store = store
        self._observer = observer
        self._endpoints = endpoints
        self._boot_hosts = BootHosts(observer)
        runner.hire(self, self.public_key)

    def public_key(self) -> str:
        """Return the public key that hosts let in, as a line; it is made the first time."""
        private = load_ssh_private_key(self._private_key().encode(), None)
        public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return f"{public.decode()} anypool"

    def join(self, action: JoinHost) -> None:
        """Take a server into its pool by the host key of its epoch; quiet if it is there.

        Raise `Busy` while it does not answer or its key is not known, `Denied` or `Rejected`
        where it does not let us in.
        """
        pin = self._pin(action)
        endpoint = Endpoint(
            id=action.endpoint,
            driver=DRIVER,
            uri=action.uri,
            pool=self._inventory.server(action.server).pool,
            options=(("host_key", pin),),
        )
        known = {one.id: one for one in self._endpoints.all()}
        before = self._endpoints.hosts_of(frozenset({endpoint.id})) - {action.server}
        if known.get(endpoint.id) == endpoint and not before:
            return
        try:
            if endpoint.id in known:
                self._succeed(endpoint, action, before)
            else:
                self._endpoints.add(endpoint, self._private_key(), BY)
        except Unreachable as problem:
            raise Busy(problem.message, hint=problem.hint) from problem

    def leave(self, action: LeaveHost) -> None:
        """Forget a host; quiet if it is gone."""
        try:
            self._endpoints.remove(action.endpoint, BY, ())
        except NotFound:
            return

    def _succeed(self, endpoint: Endpoint, action: JoinHost, before: frozenset[HostId]) -> None:
        """Let a host be the same one on other hardware; what is to run there stays to run.

        A manager that has just begun may know of the old one only who had the profile last.
        """
        with self._store.reading() as tx:
            tenures = profiles.history(tx, action.profile)
        last = {HostId(one.server) for one in tenures if one.epoch == action.epoch - 1}
        gone = before | (last - self._inventory.hosts.keys() - {action.server})
        vms = self._endpoints.succeed(endpoint, self._private_key(), gone)
        here = HostId(action.server)
        self._observer.vitals.settled(Settled(vm=vm, host=here) for vm in vms)

    @property
    def _inventory(self) -> Inventory:
        return self._observer.inventory

    def _pin(self, action: JoinHost) -> str:
        """Return the host key that a boot host made for an epoch; raise `Busy`."""
        self._boot_hosts.look(action.server)
        mark = mark_of(action.profile, action.epoch)
        for _, host in self._observer.boot_hosts().values():
            for entry in host.entries:
                if entry.mark == mark and entry.server == action.server and entry.host_key:
                    return entry.host_key
        name = self._inventory.server(action.server).name
        raise Busy(say(reason("run.no-host-key", server=name)))

    def _private_key(self) -> str:
        with self._store.reading() as tx:
            if kept := secrets.get(tx, OWNER, FIELD):
                return kept
        with self._store.writing() as tx:
            if kept := secrets.get(tx, OWNER, FIELD):
                return kept
            made = Ed25519PrivateKey.generate().private_bytes(
                Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
            )
            secrets.put(tx, OWNER, FIELD, made.decode())
            return made.decode()
