"""Installing a warden over another, and taking one off, leaves no VM without its lease."""

import os
import sys
from pathlib import Path

import pytest

from anypool.warden import installing
from anypool.warden.config import Config, Misconfigured
from anypool.warden.guests import Guest
from anypool.warden.installing import Places, install, write
from anypool.warden.record import LEASE_PREFIX
from tests.unit.warden_kit import VM, Hands, be_quick


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    be_quick(monkeypatch)


class TestInstalledAgain:
    """What a VM runs by is not taken away under it."""

    @pytest.fixture
    def places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
        program = tmp_path / "program"
        program.write_bytes(b"#!")
        for name in ("old", "new"):
            (tmp_path / name).mkdir()
        places = Places(str(tmp_path / "root"))
        write(Config(host="h1", datastores={"o": str(tmp_path / "old")}), b"#!", places)
        monkeypatch.setattr(sys, "argv", [str(program)])
        monkeypatch.setattr(installing, "_wait_until_held", lambda clock: None)
        return places

    @pytest.fixture
    def done(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What systemd was asked to do."""
        done: list[str] = []
        monkeypatch.setattr(installing, "_systemctl", lambda *words: done.append(words[0]))
        return done

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (("h1", "new"), "VMs run by the lease in"),
            (("h2", "old"), "this host is h1"),
            (("h1", "old", "missing"), "no lease can be kept in"),
        ],
    )
    def test_it_is_refused_before_anything_is_done(
        self,
        places: Places,
        done: list[str],
        monkeypatch: pytest.MonkeyPatch,
        given: tuple[str, ...],
        said: str,
    ) -> None:
        root = Path(places.root).parent
        monkeypatch.setattr(installing, "guests", lambda: (Guest(7, "1", VM),))
        monkeypatch.setattr(installing, "uses", lambda guest, folder: folder == str(root / "old"))
        host, *folders = given
        config = Config(host=host, datastores={name: str(root / name) for name in folders})
        before = Config.read(places.config)
        with pytest.raises(Misconfigured, match=said):
            install(config, places, Hands())
        assert done == []
        assert Config.read(places.config) == before

    def test_lease_in_a_folder_that_is_left_out_is_given_up(
        self, places: Places, done: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = Path(places.root).parent
        monkeypatch.setattr(installing, "guests", lambda: (Guest(7, "1", VM),))
        monkeypatch.setattr(installing, "uses", lambda guest, folder: folder == str(root / "new"))
        (root / "old" / f"{LEASE_PREFIX}h1").touch()
        install(Config(host="h1", datastores={"n": str(root / "new")}), places, Hands())
        assert "restart" in done
        assert os.listdir(root / "old") == os.listdir(root / "new") == []

    def test_uninstall_looks_again_once_nothing_can_start(
        self, places: Places, done: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = iter([(), (Guest(7, "1", VM),)])
        monkeypatch.setattr(installing, "guests", lambda: next(looks))
        monkeypatch.setattr(installing, "uses", lambda guest, folder: True)
        with pytest.raises(Misconfigured, match="1 VMs run here under a lease"):
            installing.uninstall(Config.read(places.config), places)
        assert done == ["disable", "enable"]
        assert os.path.exists(places.hook)
