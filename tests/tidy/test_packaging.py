"""What is packaged: the unit is valid and closed, the recipe of the image names what there is."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from anypool.boothost.installing import Places, units
from anypool.boothost.values import Site
from anypool.cli.systemd_unit import program
from anypool.settings import Settings
from tests.tidy.project import PACKAGE, ROOT

UNITS = PACKAGE / "cli/units"
RECIPE = ROOT / "packaging/oci/Containerfile"
MOST_EXPOSED = 20
"""Tenths, of 100: systemd calls up to 20 safe."""


def instructions() -> list[list[str]]:
    text = re.sub(r"^#.*\n", "", RECIPE.read_text(), flags=re.MULTILINE)
    text = text.replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


def test_everything_the_recipe_copies_is_there_and_may_be_sent() -> None:
    allowed = (ROOT / ".containerignore").read_text().split()
    assert allowed[0] == "*"
    copies = [words[1:-1] for words in instructions() if words[0] == "COPY"]
    outside = [name for names in copies for name in names if not names[0].startswith("--from")]
    assert outside
    for name in outside:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed


def test_the_image_is_not_root_and_keeps_one_folder() -> None:
    last = {words[0]: words[1:] for words in instructions()}
    assert last["USER"] == ["8420"]
    environment = dict(word.split("=", 1) for word in last["ENV"])
    assert environment["ANYPOOL_STATE"] == last["VOLUME"][0]
    assert last["EXPOSE"] == [str(Settings(state_dir="/").listen_port)]


def test_what_the_image_checks_is_a_route() -> None:
    text = RECIPE.read_text()
    assert "/api/v1/health" in text
    compile(re.findall(r'"-c", "(.*)"\]', text)[0], "healthcheck", "exec")


@pytest.mark.tools
def test_the_unit_is_valid_and_closed(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    unit = tmp_path / "anypool.service"
    text = (UNITS / "anypool.service").read_text()
    unit.write_text(text.replace("@PROGRAM@", program()))
    for words in (
        ("verify", "--man=no"),
        ("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}"),
    ):
        checked = subprocess.run(
            ["systemd-analyze", *words, str(unit)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "anypool.service:" not in checked.stderr


@pytest.mark.tools
def test_the_units_of_a_boot_host_are_valid(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    made = units(Site(interface="lan0", address="10.0.0.5"), Places(str(tmp_path)), str(tmp_path))
    (tmp_path / "usr/local/sbin").mkdir(parents=True)
    Path(Places(str(tmp_path)).program).symlink_to(program())
    for name, text in made.items():
        (tmp_path / name).write_text(
            text.replace(shutil.which("tgtd") or "/usr/sbin/tgtd", program())
        )
    words = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in made)]
    checked = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert not [line for line in checked.stderr.splitlines() if "anypool-boothost" in line]


def test_every_setting_of_the_environment_file_exists() -> None:
    names = re.findall(r"ANYPOOL_(\w+)=", (UNITS / "anypool.env").read_text())
    assert names
    assert {name.lower() for name in names} <= set(Settings.__struct_fields__)
