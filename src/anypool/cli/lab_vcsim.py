"""`anypool lab vcsim`: a simulated vCenter to try anypool on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.terminal import note, out
from anypool.lab import vcsim as simulated
from anypool.lab.places import default_state_dir


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Size:
    """How large it is."""

    clusters: Annotated[int, Parameter(help="clusters of its one datacenter")] = 2
    hosts: Annotated[int, Parameter(help="hosts of each cluster")] = 3
    vms: Annotated[int, Parameter(help="VMs in all")] = 20
    datastores: Annotated[int, Parameter(help="datastores that every host has")] = 2
    networks: Annotated[int, Parameter(help="distributed port groups")] = 1
    idle: Annotated[float, Parameter(help="seconds until an unused session ends")] = 1800.0


USUAL = Size()


def vcsim(
    *,
    size: Size = USUAL,
    port: Annotated[int, Parameter(help="where it listens, on this machine only")] = 8989,
    password: Annotated[str, Parameter(help="of its administrator; one is made up if empty")] = "",
    verbose: Annotated[bool, Parameter(help="say what it is asked")] = False,
    lab_state: Annotated[
        Path | None, Parameter(name="--lab-state", help="folder of all labs")
    ] = None,
) -> None:
    """Run a simulated vCenter until Ctrl-C; nothing that runs in it is real."""
    spec = simulated.VcsimSpec(
        clusters=size.clusters,
        hosts=size.hosts,
        vms=size.vms,
        datastores=size.datastores,
        networks=size.networks,
        idle_s=size.idle,
        port=port,
        password=password,
        verbose=verbose,
        state_dir=(lab_state or default_state_dir()) / "vcsim",
    )
    made = simulated.start(spec, note)
    try:
        out().print(f"address      {made.uri}", soft_wrap=True, markup=False, highlight=False)
        out().print(f"password     {made.password}", markup=False, highlight=False)
        out().print(f"fingerprint  {made.fingerprint}", soft_wrap=True, highlight=False)
        note("add it in another terminal with `anypool host add`; Ctrl-C ends it")
        made.wait()
    except KeyboardInterrupt:
        note("the simulated vCenter has ended")
    finally:
        made.stop()
