"""What a machine needs for a lab."""

import platform
import shutil

import pytest

from anypool.lab import probe


def test_there_is_no_lab_where_there_is_no_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    found = probe()
    assert not found.possible
    assert "Darwin" in found.reason
    assert found.missing == ()


@pytest.mark.parametrize(
    ("system", "needed"),
    [
        ({"ID": "ubuntu"}, True),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, True),
        ({"ID": "debian"}, False),
        (None, False),
    ],
)
def test_zstd_is_asked_for_where_kernel_modules_need_it(
    monkeypatch: pytest.MonkeyPatch, system: dict[str, str] | None, needed: bool
) -> None:
    def told() -> dict[str, str]:
        if system is None:
            raise OSError("no os-release")
        return system

    monkeypatch.setattr(platform, "freedesktop_os_release", told)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    missing = {package.package for package in probe().missing}
    assert ("zstd" in missing) is needed
    assert "qemu-utils" in missing
