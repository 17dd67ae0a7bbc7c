"""The way to PostgreSQL is cut around a COMMIT, and the server killed: each outcome is known.

A proxy before the server sees each COMMIT and lets it through, or loses it, or lets it
through and loses the answer. Whatever was done is there once; what was not is said so.
"""

import os
import random
import signal
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest

from anypool.clock import ManualClock, SystemClock
from anypool.engine import Engine
from anypool.errors import OutcomeUnknown, StoreFailed
from anypool.plan import PlanState
from anypool.planner.evacuate import plan_evacuation
from anypool.store import Store, audit, events, plans, runs
from anypool.store.records import RunState
from tests.service.postgres_kit import Server, running
from tests.service.test_store_lease import messages, poll, write
from tests.simulation.yard import Crashing, Yard

pytestmark = pytest.mark.postgres

PASS, LOSE, CUT, KILL, VANISH = "pass", "lose", "cut", "kill", "vanish"
"""What may happen to a COMMIT: nothing; it is lost; its answer is; the server is killed when it
came and is back at once; or is back only later."""


class Proxy:
    """Stands on a socket of its own before a server; `fate` is asked at each COMMIT of a change."""

    def __init__(self, server: Server, folder: str) -> None:
        self.folder = folder
        self.fate: Callable[[], str] = lambda: PASS
        self.fates: Counter[str] = Counter()
        self._server = server
        self._closed = False
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self) -> str:
        return f"postgresql://ada@/anypool?host={self.folder}"

    def close(self) -> None:
        self._closed = True
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        upstream = socket.socket(socket.AF_UNIX)
        try:
            upstream.connect(f"{self._server.folder}/.s.PGSQL.5432")
        except OSError:
            _end(client)
            _end(upstream)
            return
        heard = threading.Event()
        deaf = threading.Event()
        writes = False
        threading.Thread(
            target=self._answers, args=(upstream, client, heard, deaf), daemon=True
        ).start()
        with suppress(OSError):
            while part := client.recv(65536):
                writes = b"READ ONLY" not in part if b"BEGIN" in part else writes
                fate = self.fate() if writes and b"COMMIT\0" in part else PASS
                self.fates[fate] += 1
                if fate == LOSE:
                    break
                if fate == PASS:
                    upstream.sendall(part)
                    continue
                deaf.set()
                heard.clear()
                upstream.sendall(part)
                if fate == CUT:
                    heard.wait(10)
                else:
                    kill(self._server)
                if fate == KILL:
                    self._server.start()
                break
        _end(client)
        _end(upstream)

    @staticmethod
    def _answers(
        upstream: socket.socket,
        client: socket.socket,
        heard: threading.Event,
        deaf: threading.Event,
    ) -> None:
        with suppress(OSError):
            while part := upstream.recv(65536):
                heard.set()
                if not deaf.is_set():
                    client.sendall(part)
        heard.set()
        _end(client)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def answers(server: Server) -> bool:
    try:
        return bool(server.sql("SELECT 1"))
    except psycopg.OperationalError:
        return False


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def kill(server: Server) -> None:
    """Kill the server with all its processes, as the machine's out-of-memory killer may."""
    parent = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    tasks = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for pid in (parent, *map(int, tasks)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    poll(lambda: not any(map(alive, (parent, *map(int, tasks)))))
    # Where nobody buries the dead, the next server would take its predecessor for alive.
    (server.folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    (server.folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    server.sql("CREATE DATABASE anypool")
    with tempfile.TemporaryDirectory(prefix="anypool-px-", dir="/tmp") as folder:
        made = Proxy(server, folder)
        yield made
        made.close()
    server.sql("DROP DATABASE anypool WITH (FORCE)")


@pytest.fixture
def store(proxy: Proxy) -> Iterator[Store]:
    opened = Store.open(proxy.url(), clock=SystemClock())
    yield opened
    opened.close()


@pytest.fixture
def hasty(proxy: Proxy) -> Iterator[Store]:
    """A store that does not wait: its clock goes on by itself."""
    opened = Store.open(proxy.url(), clock=ManualClock())
    yield opened
    opened.close()


def once(proxy: Proxy, fate: str) -> None:
    """Let this happen to the next COMMIT, and nothing to later ones."""
    fates = iter((fate,))
    proxy.fate = lambda: next(fates, PASS)


def tried(change: Callable[[], object]) -> bool:
    """Whether a change was stored, as its caller was told."""
    try:
        change()
    except StoreFailed:
        return False
    return True


def test_a_commit_whose_answer_is_lost_is_found_out_to_be_done(proxy: Proxy, store: Store) -> None:
    once(proxy, CUT)
    write(store, "a")
    write(store, "b")
    assert proxy.fates[CUT] == 1
    assert messages(store) == ["a", "b"]


def test_a_commit_that_was_lost_is_found_out_not_to_be_done(proxy: Proxy, store: Store) -> None:
    once(proxy, LOSE)
    with pytest.raises(StoreFailed, match="the change was not stored"):
        write(store, "a")
    write(store, "b")
    assert messages(store) == ["b"]


def test_a_server_killed_at_a_commit_tells_when_it_is_back(proxy: Proxy, store: Store) -> None:
    once(proxy, KILL)
    stored = tried(lambda: write(store, "a"))
    write(store, "b")
    assert messages(store) == (["a", "b"] if stored else ["b"])


def test_a_server_that_stays_away_leaves_a_doubt(
    server: Server, proxy: Proxy, hasty: Store
) -> None:
    """What was believed before may be wrong: nothing is written until all was read anew."""
    hasty.take_lease("one", 600)
    hasty.write_as_leader_only()
    once(proxy, VANISH)
    with pytest.raises(OutcomeUnknown):
        write(hasty, "a")
    server.start()
    assert hasty.in_doubt
    assert hasty.lease_left_s() == 0
    with pytest.raises(StoreFailed, match="nobody knows"):
        write(hasty, "b")
    assert hasty.take_lease("one", 600) == 2
    write(hasty, "c")
    assert messages(hasty) in (["a", "c"], ["c"])


class FarYard(Yard):
    """The yard with its records in PostgreSQL, behind the proxy."""

    def __init__(self, folder: Path, proxy: Proxy, seed: int) -> None:
        self._far, self._key = proxy.url(), folder / "key"
        super().__init__(folder, seed=seed)

    def _boot(self) -> tuple[Crashing, Engine]:
        store = Crashing(Store.open(self._far, clock=self.clock, key_file=self._key))
        return store, Engine(store, self._pool(), self.clock, self.settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(min(50, int(os.environ.get("TEST_SEEDS") or 3))))
def test_a_run_ends_known_and_once_whatever_happens_to_its_commits(
    tmp_path: Path, server: Server, proxy: Proxy, seed: int
) -> None:
    yard = FarYard(tmp_path, proxy, seed)
    chance = random.Random(seed)
    run = yard.evacuate()
    for fate in (CUT, LOSE, KILL):  # each of them early on, the rest as chance has it
        once(proxy, fate)
        while not proxy.fates[fate]:
            yard.step()
        poll(partial(answers, server))
    proxy.fate = lambda: chance.choice((PASS, PASS, PASS, CUT, LOSE))
    assert yard.finish(run).state is RunState.DONE
    proxy.fate = lambda: PASS
    check_once(yard, str(run))
    yard.close()


def test_a_run_goes_on_after_a_doubt(tmp_path: Path, server: Server, proxy: Proxy) -> None:
    yard = FarYard(tmp_path, proxy, 1)
    run = yard.evacuate()
    for _ in range(8):
        yard.step()
    once(proxy, VANISH)
    while not proxy.fates[VANISH]:
        yard.step()
    for _ in range(3):
        yard.step()
    server.start()
    assert yard.finish(run).state is RunState.DONE
    check_once(yard, str(run))
    yard.close()


@pytest.mark.parametrize("fate", [CUT, LOSE])
def test_a_run_that_is_just_begun_is_known(tmp_path: Path, proxy: Proxy, fate: str) -> None:
    yard = FarYard(tmp_path, proxy, 1)
    host = sorted(yard.engine.inventory.hosts)[0]
    plan = yard.engine.submit(plan_evacuation(yard.engine.inventory, host), "test")
    once(proxy, fate)
    assert tried(lambda: yard.engine.run(plan.id, "test")) == (fate == CUT)
    with yard.store.store.reading() as tx:
        begun = runs.unfinished(tx)
        assert (plans.get(tx, plan.id).state is PlanState.RUNNING) == (fate == CUT) == bool(begun)
    run = begun[0].id if begun else yard.engine.run(plan.id, "test").id
    assert yard.finish(run).state is RunState.DONE
    check_once(yard, str(run))
    yard.close()


def check_once(yard: Yard, run: str) -> None:
    """Every VM is in one place, and the records tell each thing once."""
    yard.check_tidy()
    with yard.store.store.reading() as tx:
        told = [one for one in events.since(tx, 0, 10_000) if one.run == run]
        verdict = audit.verify(tx, ())
    done = Counter((one.kind, one.subject_id, one.message) for one in told)
    ended = {key: count for key, count in done.items() if key[0].endswith((".done", ".running"))}
    assert ended
    assert {key: count for key, count in ended.items() if count > 1} == {}
    assert verdict.sound, verdict.why
