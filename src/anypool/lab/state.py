"""The lab as it is now, put together from its folder, its supervisor and the process table."""

import msgspec

from anypool.lab import bmc_keys, outer
from anypool.lab.control import Request, ask, supervisor_pid
from anypool.lab.places import LabPlaces
from anypool.lab.probe import limits
from anypool.lab.processes import pids_by_namespace, read_namespaces
from anypool.lab.records import (
    AcceleratorChoice,
    GuestImage,
    KeptLab,
    LabStatus,
    ServerState,
    ServerStatus,
)
from anypool.lab.standin import LIMIT


def status_of(places: LabPlaces) -> LabStatus:
    """The status of the lab kept in `places`, up or down."""
    pid = supervisor_pid(places) if places.directory.exists() else None
    if pid is None:
        return LabStatus(
            name=places.directory.name,
            up=False,
            mode=outer.own_mode(),
            directory=str(places.directory),
        )
    kept = kept_lab(places)
    states = {state.name: state for state in ask(places, Request(operation="status"))}
    namespaces = read_namespaces(places.namespaces)
    found = pids_by_namespace(namespaces.values())
    pids = {server: found[namespace] for server, namespace in namespaces.items()}
    return LabStatus(
        name=kept.name,
        up=True,
        mode=kept.mode,
        directory=str(places.directory),
        supervisor_pid=pid,
        servers=tuple(
            _server_status(kept, places, states[server.name], pids.get(server.name, ()))
            for server in kept.servers
        ),
        accelerator=msgspec.json.decode(places.accelerator.read_bytes(), type=AcceleratorChoice),
        image=msgspec.json.decode(places.image.read_bytes(), type=GuestImage),
        datastore_dir=str(places.datastore),
        datastore_uuid=kept.datastore_uuid,
        console_dir=str(places.consoles),
        bmc_user=bmc_keys.BMC_USER,
        bmc_password_file=str(places.bmc_password),
        bmc_fingerprint=bmc_keys.fingerprint(places),
        limits=(*limits(kept.mode), *((LIMIT,) if kept.wardens else ())),
    )


def kept_lab(places: LabPlaces) -> KeptLab:
    """What the lab's folder says about it."""
    return msgspec.json.decode(places.spec.read_bytes(), type=KeptLab)


def _server_status(
    kept: KeptLab, places: LabPlaces, state: ServerState, pids: tuple[int, ...]
) -> ServerStatus:
    server = kept.server(state.name)
    return ServerStatus(
        name=server.name,
        role=server.role,
        uuid=server.uuid,
        power=state.power,
        frozen=state.frozen,
        partitions=state.partitions,
        libvirt_uri=server.libvirt_uri(rootless=kept.rootless),
        bmc_url=server.bmc_url,
        management_address=server.management_address,
        data_address=server.data_address,
        pids=pids,
        log_dir=str(places.server(server.name)),
    )
