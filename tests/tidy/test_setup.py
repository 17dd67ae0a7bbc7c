"""The set-up installs what the lab looks for: one knows packages, the other programs."""

import shutil

import pytest

from anypool import lab
from tests.tidy.project import ROOT

IN_EVERY_SYSTEM = {"util-linux", "apt", "dpkg"}


def listed() -> set[str]:
    lines = (ROOT / "scripts/packages").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return {package.removeprefix("?") for _, package, *_ in rows}


def test_set_up_installs_every_program_the_lab_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    missing = {found.package for found in lab.probe().missing if found.source == "apt"}
    assert len(missing) > len(IN_EVERY_SYSTEM)
    assert missing - IN_EVERY_SYSTEM <= listed()
