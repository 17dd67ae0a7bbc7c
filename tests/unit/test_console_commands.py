"""The commands that the console shows: read by the program, each asks for the very same call."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from anypool.cli import connection, deeds
from anypool.cli.main import tree
from tests.tidy.project import ROOT

CASES = ROOT / "console/node_modules/.tests/features/wizards/cases.mjs"


class _Sent(Exception):
    def __init__(self, method: str, path: str, body: Any) -> None:
        self.call = {"method": method, "path": path, **({"body": body} if body else {})}


class _Client:
    """Takes the first request that changes something, and goes no further."""

    def get(self, *_: object, **__: object) -> Any:
        return {}

    def post(self, path: str, body: Any = None, **_: object) -> Any:
        raise _Sent("POST", path, body)


@contextmanager
def _connected(_: object) -> Iterator[_Client]:
    yield _Client()


def cases() -> list[Any]:
    if not CASES.exists():
        return []
    said = subprocess.run(["node", CASES], capture_output=True, text=True, check=True).stdout
    found: list[Any] = json.loads(said)
    return found


def test_each_command_asks_for_the_same_call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not (known := cases()):
        pytest.skip("needs the console's tests to be built: npm run units in console")
    for module in ("calendar", "joining", "pool", "policy", "server_bmc"):
        monkeypatch.setattr(f"anypool.cli.{module}.connected", _connected)
    monkeypatch.setattr(deeds, "connected", _connected)
    monkeypatch.setattr(connection, "connected", _connected)
    monkeypatch.setattr("anypool.cli.joining.asks", lambda: False)
    monkeypatch.setattr("anypool.cli.server_bmc.read_secret", lambda *_: "s3cret")
    for case in known:
        words = shlex.split(case["command"])
        assert words[0] == "anypool"
        if "input" in case:
            (tmp_path / "typed").write_text(case["input"])
            words[words.index("/dev/stdin")] = str(tmp_path / "typed")
        with pytest.raises(_Sent) as sent:
            tree()(words[1:])
        assert _plain(sent.value.call) == _plain(case["call"]), case["command"]


def _plain(call: Any) -> Any:
    """Leave out what says the same as its absence."""
    usual = {"password": "s3cret", "options": {}, "prove": True, "strength": "must"}
    body = {k: v for k, v in call.get("body", {}).items() if usual.get(k) != v}
    if call["path"] in ("/endpoints", "/servers"):
        body.setdefault("pool", "default")
    if call["path"] == "/policies":
        body.pop("enabled", None)
        body.pop("description", None)
    return {"method": call["method"], "path": call["path"], "body": _sized(body)}


def _sized(body: Any) -> Any:
    sizes = {k: str(v).replace(" ", "") for k, v in body.items() if k in ("memory", "disk")}
    return {**body, **sizes}
