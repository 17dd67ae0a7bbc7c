"""Logging in, and the file in which that is kept."""

import json
import stat
from pathlib import Path

import pytest

from anypool.cli import contexts, yaml
from anypool.cli.contexts import Context, Contexts
from anypool.cli.login import split_link
from anypool.errors import Invalid, NotFound
from tests.unit.cli_kit import FakeManager, Terminal, listed, pretend


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("ANYPOOL_URL", "ANYPOOL_TOKEN", "ANYPOOL_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANYPOOL_CONFIG", str(tmp_path / "new" / "contexts.json"))
    return tmp_path / "new" / "contexts.json"


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> FakeManager:
    manager = FakeManager()
    manager.answers = {
        "POST /login": {"user": "admin", "role": "administrator", "csrf": "c1"},
        "POST /tokens": (201, {"token": {"id": "t"}, "secret": "ap_new"}),
        "POST /logout": {},
        "GET /vms": listed(),
    }
    pretend(monkeypatch, manager)
    return manager


def test_a_login_link_becomes_a_token_that_others_cannot_read(
    manager: FakeManager, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anypool = Terminal(capsys)
    assert "no manager is known here" in anypool("vm", "list").err
    assert anypool("login", "http://localhost:8420/login#code=abc", "--name", "lab").code == 0
    assert manager.body("POST", "/login") == {"code": "abc"}
    assert manager.sent("POST", "/tokens")[0].headers["X-Anypool-CSRF"] == "c1"
    assert "Idempotency-Key" not in manager.sent("POST", "/tokens")[0].headers
    assert manager.sent("POST", "/logout")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    anypool("vm", "list")
    assert manager.seen[-1].headers["Authorization"] == "Bearer ap_new"
    assert "ap_new" not in anypool("context", "list", "-o", "json").out


def test_a_password_comes_from_a_file(
    manager: FakeManager, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anypool = Terminal(capsys)
    result = anypool("login", "http://localhost:8420", "--user", "ann")
    assert result.code == 2
    assert "--password-file" in result.err
    (tmp_path / "pw").write_text("hello\n")
    words = ("--user", "ann", "--password-file", str(tmp_path / "pw"))
    assert anypool("login", "http://localhost:8420", *words).code == 0
    assert manager.body("POST", "/login") == {"user": "ann", "password": "hello"}
    assert "login code" in anypool("login", "http://localhost:8420").err


def test_passwords_are_set_from_files(
    manager: FakeManager, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save(file, Contexts(current="a", contexts={"a": Context(url="http://a")}))
    anypool = Terminal(capsys)
    manager.answers["PATCH /users/ann"] = {"name": "ann"}
    manager.answers["POST /me/password"] = {}
    (tmp_path / "new").mkdir(exist_ok=True)
    (tmp_path / "pw").write_text("fresh words\n")
    words = ("--password-file", str(tmp_path / "pw"))
    assert anypool("user", "password", "ann", *words).code == 0
    assert manager.body("PATCH", "/users/ann") == {"password": "fresh words"}
    assert anypool("user", "password", *words).code == 0
    assert manager.body("POST", "/me/password") == {"old": "", "new": "fresh words"}


def test_contexts_are_chosen_by_option_environment_and_use(
    manager: FakeManager,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = Contexts(current="a", contexts={n: Context(url=f"http://{n}") for n in "abc"})
    contexts.save(file, known)
    anypool = Terminal(capsys)

    def asked(*words: str) -> str:
        assert anypool("vm", "list", *words).code == 0
        return manager.seen[-1].url.host

    assert asked() == "a"
    assert asked("--context", "b") == "b"
    monkeypatch.setenv("ANYPOOL_CONTEXT", "c")
    assert asked() == "c"
    monkeypatch.delenv("ANYPOOL_CONTEXT")
    assert anypool("context", "use", "b").code == 0
    assert asked() == "b"
    assert anypool("context", "remove", "b").code == 0
    assert anypool("vm", "list").code == 2
    assert anypool("vm", "list", "--context", "zz").code == 3


def test_a_file_others_can_read_is_refused(file: Path) -> None:
    contexts.save(file, Contexts())
    file.chmod(0o644)
    with pytest.raises(Invalid, match="others can read") as caught:
        contexts.load(file)
    assert "chmod 600" in caught.value.hint
    file.chmod(0o600)
    file.write_text("{")
    with pytest.raises(Invalid):
        contexts.load(file)


def test_a_failed_save_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contexts.save(file, Contexts(current="old"))
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        contexts.save(file, Contexts(current="new"))
    assert contexts.load(file).current == "old"
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_unknown_contexts() -> None:
    with pytest.raises(NotFound):
        Contexts().get("x")
    with pytest.raises(NotFound):
        Contexts().without("x")


@pytest.mark.parametrize(
    ("link", "url", "code"),
    [
        ("http://h1:8420/login#code=a-b_c", "http://h1:8420", "a-b_c"),
        ("https://h1/login?code=x", "https://h1", "x"),
        ("h1:8420", "https://h1:8420", ""),
    ],
)
def test_links(link: str, url: str, code: str) -> None:
    assert split_link(link) == (url, code)


@pytest.mark.parametrize("link", ["ftp://h1", "https://", ""])
def test_no_links(link: str) -> None:
    with pytest.raises(Invalid):
        split_link(link)


def test_yaml_is_read_as_it_was_meant() -> None:
    value = {
        "a": [{"b": 1, "c": [True, None, []]}, "x y", "yes", "1.5", "", "a: b", "-", "é\n"],
        "d": {},
        "10": "~",
        "e": {"f": [[1, 2], [3]]},
        "g": ({"h": (1, 2)}, {}),
    }
    text = yaml.dump(value)
    try:
        import yaml as reader
    except ImportError:
        pytest.skip("PyYAML is not there to read it")
    assert reader.safe_load(text) == json.loads(json.dumps(value))
    assert "  - h:\n" in text, "a row for each entry, whatever sequence it is"
