"""Where a lab keeps its files."""

import os
from pathlib import Path

from anypool.errors import Invalid
from anypool.lab.spec import LabSpec, check_name

_HIDDEN_IN_SERVERS = ("/run", "/proc", "/sys", "/dev")


def default_state_dir() -> Path:
    """The folder of all labs: $XDG_STATE_HOME/anypool/lab, for root too."""
    return _xdg("XDG_STATE_HOME", ".local/state") / "anypool" / "lab"


def default_cache_dir() -> Path:
    """The folder of what labs share: $XDG_CACHE_HOME/anypool/lab, for root too."""
    return _xdg("XDG_CACHE_HOME", ".cache") / "anypool" / "lab"


class LabPlaces:
    """The folders and files of one lab; nothing is created by asking for a path."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.spec = directory / "lab.json"
        self.namespaces = directory / "namespaces.json"
        self.accelerator = directory / "accelerator.json"
        self.image = directory / "image.json"
        self.control = directory / "control.sock"
        self.log = directory / "supervisor.log"
        self.bmc_log = directory / "bmc.log"
        self.blade_log = directory / "blade-bmc.log"
        self.ipmi_log = directory / "blade-ipmi.log"
        self.bmc_state = directory / "bmc"
        self.bmc_certificate = directory / "bmc.pem"
        self.bmc_key = directory / "bmc.key"
        self.bmc_other_certificate = directory / "bmc-other.pem"
        self.bmc_other_key = directory / "bmc-other.key"
        self.bmc_password = directory / "bmc.password"
        self.bmc_moods = directory / "bmc-moods.json"
        self.datastore = directory / "shared"
        self.consoles = directory / "consoles"
        self.etc = directory / "etc"

    def server(self, name: str) -> Path:
        """The folder of one server: its libvirt's files, its logs and its local disks."""
        return self.directory / "servers" / name


def places_of(spec: LabSpec) -> LabPlaces:
    """The places of the lab `spec` describes."""
    return lab_places(spec.name, spec.state_dir)


def lab_places(name: str, state_dir: Path | None) -> LabPlaces:
    """The places of the lab called `name`; raise `Invalid` where it could not be kept."""
    check_name(name)
    directory = ((state_dir or default_state_dir()) / name).absolute()
    if any(directory.is_relative_to(hidden) for hidden in _HIDDEN_IN_SERVERS):
        raise Invalid(
            f"a lab cannot be kept in {directory}",
            hint="every server of a lab has its own /run and /dev; choose another state folder",
        )
    return LabPlaces(directory)


def _xdg(variable: str, fallback: str) -> Path:
    value = os.environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path.home() / fallback
