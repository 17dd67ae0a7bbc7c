"""The set-up: what it installs, what it finds out first, and what it leaves alone."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from anypool import lab
from tests.tidy.project import ROOT

IN_EVERY_SYSTEM = {"util-linux", "apt", "dpkg"}
Run = Callable[[str], subprocess.CompletedProcess[str]]
Fake = Callable[[str, str], None]


@pytest.fixture
def fakes(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def fake(fakes: Path) -> Fake:
    """Put a shell script in front of a program of the system."""

    def put(name: str, script: str) -> None:
        (fakes / name).write_text(f"#!/bin/sh\n{script}\n")
        (fakes / name).chmod(0o755)

    return put


@pytest.fixture
def sh(fakes: Path) -> Run:
    """Run a line of shell after scripts/setup.sh was read."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-euc", f". scripts/setup.sh; {line}"],
            cwd=ROOT,
            env={"PATH": f"{fakes}:{os.environ['PATH']}", "HOME": "/nonexistent"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def listed(sets: str, sh: Run) -> set[str]:
    return {package.removeprefix("?") for package in sh(f"packages_of {sets}").stdout.split()}


def test_every_program_the_lab_needs_is_installed(sh: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_options: None)
    missing = {found.package for found in lab.probe().missing if found.source == "apt"}
    assert len(missing) > len(IN_EVERY_SYSTEM)
    assert missing - IN_EVERY_SYSTEM <= listed("lab", sh)


def test_run_installs_nothing_that_only_tests_need(sh: Run) -> None:
    assert not listed("base lab", sh) & listed("test database vcsim", sh)


def test_refused_namespaces_are_reported_with_the_reason(sh: Run, fake: Fake) -> None:
    fake("unshare", "echo 'unshare: Operation not permitted' >&2; exit 1")
    assert "Operation not permitted" in sh('probe_lab; echo "$LAB_REFUSED"').stdout


def test_a_probe_that_hangs_ends_at_its_limit(sh: Run, fake: Fake) -> None:
    fake("unshare", "exec sleep 60")
    answer = sh('PROBE_LIMIT_S=1; probe_lab; echo "$LAB_REFUSED"').stdout
    assert "no answer within 1 s" in answer


def test_optional_packages_are_those_the_distribution_has(sh: Run, fake: Fake) -> None:
    fake("dpkg-query", "exit 1")
    fake("apt-cache", '[ "$2" = libvirt-daemon-driver-storage ]')
    missing = sh("missing_of lab").stdout.split()
    assert "libvirt-daemon" in missing
    assert "libvirt-daemon-driver-storage" in missing
    assert "libvirt-daemon-driver-network" not in missing


def test_an_ordinary_user_is_told_the_command_and_nothing_is_installed(
    sh: Run, fake: Fake, tmp_path: Path
) -> None:
    fake("id", "echo 1000")
    fake("dpkg-query", "exit 1")
    fake("apt-cache", "exit 1")
    fake("apt-get", f"touch {tmp_path}/called")
    answer = sh("ensure_packages base || install_command base")
    assert answer.stdout == "sudo apt-get install --no-install-recommends python3 python3-venv \n"
    assert not (tmp_path / "called").exists()


def test_nothing_is_asked_in_ci_or_without_a_terminal(sh: Run) -> None:
    assert sh("may_ask && echo asks || echo silent").stdout == "silent\n"


@pytest.mark.lab
def test_packages_start_no_service_and_enable_none(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root installs packages")
    units = Path("/etc/systemd/system")
    name = f"anypool-test-{os.getpid()}.service"
    script = (
        f"[ ! -d {units} ] || touch {units}/{name}; "
        "for starter in invoke-rc.d deb-systemd-invoke update-rc.d; do "
        f"command -v $starter >/dev/null && $starter {name} start && echo $starter; done; exit 7"
    )
    done = subprocess.run(
        [str(ROOT / "scripts/without-services"), "sh", "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 7
    assert done.stderr == ""
    assert "invoke-rc.d" in done.stdout
    assert not (units / name).exists()
    assert list(tmp_path.iterdir()) == []
