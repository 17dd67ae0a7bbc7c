"""A demo: made in one go, marked as simulated, and never laid over a real pool."""

from pathlib import Path

import httpx
import pytest

from anypool.cli import contexts
from anypool.cli.contexts import Context, Contexts
from anypool.cli.serve import environment
from anypool.cli.trial import own_name
from anypool.clock import SystemClock
from anypool.errors import Invalid, NotFound
from anypool.model import Endpoint, EndpointId
from anypool.service import Principal
from anypool.service.demo import Demo, furnish, world_file
from anypool.settings import Settings, load
from anypool.store import Store, facts
from anypool.store.records import Role

ADMIN = Principal(name="admin", role=Role.ADMINISTRATOR)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=str(tmp_path), demo=True, demo_hosts=3, demo_vms=6)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store.open(settings.database_url, clock=SystemClock())


def test_a_demo_is_made_once(store: Store, settings: Settings) -> None:
    furnish(store, settings)
    furnish(store, settings)
    with store.reading() as tx:
        endpoints = facts.endpoints.all(tx)
        assert [one.id for one in endpoints] == ["h1", "h2", "h3"]
        assert {one.pool for one in endpoints} == {"simulated"}
        assert len(facts.vms.all(tx)) == 6
        assert [one.description for one in facts.images.all(tx)] == ["simulated"]


def test_a_demo_is_never_laid_over_a_real_pool(store: Store, settings: Settings) -> None:
    real = Endpoint(id=EndpointId("h1"), driver="libvirt", uri="qemu+ssh://h1/system")
    with store.writing() as tx:
        facts.endpoints.put(tx, real)
    with pytest.raises(Invalid) as refused:
        furnish(store, settings)
    assert "real pool" in refused.value.message
    assert not world_file(settings).exists()


def test_nothing_can_be_played_where_there_is_no_demo(store: Store, tmp_path: Path) -> None:
    demo = Demo(store, Settings(state_dir=str(tmp_path)))
    for attempt in (lambda: demo.play(ADMIN, "heal", ""), lambda: demo.scenes(ADMIN)):
        with pytest.raises(NotFound):
            attempt()
    assert not world_file(Settings(state_dir=str(tmp_path))).exists()


def test_a_demo_keeps_away_from_the_database_of_the_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANYPOOL_DATABASE", "postgresql://real")
    monkeypatch.setenv("ANYPOOL_DEMO_HOSTS", "9")
    assert load(environment(settings)) == settings


def test_how_it_is_called_from_another_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for passing in ("/h/.cache/uv/archive-v0/x/bin/anypool", "/h/.local/pipx/.cache/x/bin/anypool"):
        monkeypatch.setattr("shutil.which", lambda _, found=passing: found)
        assert own_name(Path(passing)) == passing
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert own_name(Path("/nowhere/anypool")) == "anypool"


def test_the_context_of_a_demo_goes_with_it(tmp_path: Path) -> None:
    file = tmp_path / "new" / "contexts.json"
    here = Context(url="http://127.0.0.1:1")
    contexts.save(file, Contexts().with_context("demo", here))
    contexts.forget(file, "demo", "http://127.0.0.1:2", "")
    assert file.exists(), "that of another demo stays"
    contexts.forget(file, "demo", here.url, "")
    assert not file.parent.exists()


def test_the_context_before_a_demo_is_current_again(tmp_path: Path) -> None:
    file = tmp_path / "contexts.json"
    known = (
        Contexts()
        .with_context("mine", Context(url="http://m"))
        .with_context("other", Context(url="http://o"))
    )
    here = Context(url="http://127.0.0.1:1")
    contexts.save(file, known.with_context("demo", here))
    contexts.forget(file, "demo", here.url, "mine")
    assert contexts.load(file) == Contexts(current="mine", contexts=known.contexts)


def test_an_answer_of_a_demo_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    from anypool.cli import connection

    said: list[str] = []
    monkeypatch.setattr(connection, "note", said.append)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    connection._remind.cache_clear()
    for headers in ({}, {"X-Anypool-Simulated": "true"}, {"X-Anypool-Simulated": "true"}):
        connection._say_if_simulated(httpx.Response(200, headers=headers))
    connection._remind.cache_clear()
    assert said == ["simulated pool: nothing here is real"]
