from pathlib import Path

import msgspec
import pytest

from anypool.errors import Invalid
from anypool.settings import Settings, load, state_dir


def test_defaults_are_in_the_state_folder(tmp_path: Path) -> None:
    settings = load({"ANYPOOL_STATE": str(tmp_path)})
    assert settings.state_dir == str(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/anypool.db"
    assert settings.listen_host == "127.0.0.1"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "anypool.toml").write_text("moves_per_host = 3\nmoves_per_pool = 5\n")
    settings = load({"ANYPOOL_STATE": str(tmp_path), "ANYPOOL_MOVES_PER_HOST": "7"})
    assert (settings.moves_per_host, settings.moves_per_pool) == (7, 5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("moves_per_hosts = 3", "did you mean moves_per_host"),
        ("moves_per_host = 0", "moves_per_host"),
        ("moves_per_host = 'many'", "moves_per_host"),
        ("listen_port = 70000", "listen_port"),
        ("moves_per_host", "cannot be read"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "anypool.toml").write_text(text)
    with pytest.raises(Invalid) as error:
        load({"ANYPOOL_STATE": str(tmp_path)})
    assert words in f"{error.value.message} {error.value.hint}"
    assert error.value.hint


def test_an_unknown_variable_is_refused_but_not_those_of_the_command_line(tmp_path: Path) -> None:
    fine = {"ANYPOOL_STATE": str(tmp_path), "ANYPOOL_TOKEN": "ap_x", "PATH": "/bin"}
    load(fine)
    with pytest.raises(Invalid, match="ANYPOOL_MOVE_PER_HOST"):
        load({**fine, "ANYPOOL_MOVE_PER_HOST": "1"})


def test_where_the_state_folder_is() -> None:
    assert state_dir({}, root=True) == Path("/var/lib/anypool")
    assert state_dir({"HOME": "/h"}, root=False) == Path("/h/.local/state/anypool")
    assert state_dir({"XDG_STATE_HOME": "/x"}, root=False) == Path("/x/anypool")
    assert state_dir({"ANYPOOL_STATE": "/s"}, root=True) == Path("/s")


def test_every_setting_says_what_it_means() -> None:
    for field in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined]
        extra = getattr(field.type, "extra_json_schema", None) or {}
        assert extra.get("description"), field.name
