"""pacemaker and corosync on the hosts of a lab: VirtualDomain, fenced by the same BMCs.

The cluster runs inside the lab's servers, beside their libvirt daemons, with Debian's packages
as they are: `fence_redfish` switches a host off, and its VMs start where the others are.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from anypool import lab as labs
from anypool.lab import LabStatus
from benchmarks.answers import Guest, answers_again, began_at
from benchmarks.peers import ensure

LAB = "bench"
PROGRAMS = ("corosync", "pacemakerd", "crm_mon", "fence_redfish")
AGENT = Path("/usr/lib/ocf/resource.d/heartbeat/VirtualDomain")
READY_S = 180.0
ANSWER_S = 180.0
_START = """
set -e
mkdir -p /var/lib/corosync /var/log/corosync /run/crm /run/resource-agents
for name in blackbox cib cores pengine; do mkdir -p /var/lib/pacemaker/$name; done
mkdir -p /var/log/pacemaker
chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker /run/crm
setsid corosync -f -c "$1/corosync.conf" >"$1/$2/corosync.out" 2>&1 </dev/null &
until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.2; done
setsid pacemakerd >"$1/$2/pacemakerd.out" 2>&1 </dev/null &
"""


def prepare() -> None:
    """Install what is missing; end the benchmark if that cannot be."""
    for program in PROGRAMS:
        ensure(program)
    if not AGENT.exists():
        raise SystemExit("VirtualDomain is missing: apt-get install resource-agents")


class FellApart(Exception):
    """The cluster did not come together: its hosts lost each other or were switched off."""


class Profile(NamedTuple):
    """How patient the cluster is: `token_ms` until a host is lost, 0 for corosync's own."""

    name: str
    token_ms: int = 0


DEFAULT, TUNED = Profile("pacemaker"), Profile("pacemaker, tuned", 1000)


class Peer:
    """One cluster, from its start to its end, with one resource for each guest."""

    def __init__(
        self, status: LabStatus, profile: Profile, guests: tuple[Guest, ...], machines: Path
    ) -> None:
        self.profile = profile
        self._status = status
        self._guests = guests
        self._machines = machines
        self._state = Path(status.directory).parent
        self._folder = Path(status.directory, f"peer-{profile.token_ms}")
        self._hosts = [server.name for server in status.servers]
        self.rows: dict[str, list[float]] = {"until start s": [], "boot s": [], "whole s": []}

    def __enter__(self) -> "Peer":
        self._write()
        for server in self._status.servers:
            _empty(server.libvirt_uri)
        for host in self._hosts:
            self._begin(host)
        self._wait(self._online, "all hosts are in the cluster")
        config = ["cibadmin", "--replace", "--scope", "configuration", "--xml-file"]
        self._in(self._hosts[0], [*config, str(self._folder / "configuration.xml")])
        self._wait(self._started, "all VMs are started")
        return self

    def __exit__(self, _: object, problem: object, __: object) -> bool:
        """End the cluster; one that falls apart by itself ends its rounds, not the benchmark."""
        for server in self._status.servers:
            labs.kill(LAB, server.name, self._state)
            labs.boot(LAB, server.name, self._state)
            self._wait(partial(_answers, server.libvirt_uri), f"libvirt on {server.name} answers")
        if isinstance(problem, FellApart):
            print(problem, flush=True)
        return isinstance(problem, FellApart)

    def round(self, guest: Guest) -> float:
        """Kill the host of a guest, return the seconds until it answers, mend the host."""
        victim = self._place(guest)
        wait = answers_again(guest)
        began = time.time()
        labs.kill(LAB, victim, self._state)
        try:
            took = wait.end(ANSWER_S) - began
        except SystemExit as late:
            raise FellApart(f"{self.profile.name}: {late}") from late
        until_start = began_at(guest, LAB, self._state) - began
        for name, value in zip(self.rows, (until_start, took - until_start, took), strict=True):
            self.rows[name].append(value)
        self.mend(victim)
        return took

    def mend(self, host: str) -> None:
        """Switch a host on and let it join."""
        labs.boot(LAB, host, self._state)
        uri = next(s.libvirt_uri for s in self._status.servers if s.name == host)
        self._wait(partial(_answers, uri), f"libvirt on {host} answers")
        self._begin(host)
        self._wait(self._online, "all hosts are in the cluster")
        self._wait(self._started, "all VMs are started")

    def _write(self) -> None:
        for host in self._hosts:
            shutil.rmtree(self._folder / host, ignore_errors=True)
            (self._folder / host).mkdir(parents=True)
        (self._folder / "corosync.conf").write_text(self._corosync())
        (self._folder / "configuration.xml").write_text(self._configuration())

    def _corosync(self) -> str:
        token = f"  token: {self.profile.token_ms}\n" if self.profile.token_ms else ""
        nodes = "".join(
            f"  node {{\n    name: {server.name}\n    nodeid: {number}\n"
            f"    ring0_addr: {server.management_address}\n  }}\n"
            for number, server in enumerate(self._status.servers, start=1)
        )
        return (
            f"totem {{\n  version: 2\n  cluster_name: bench\n  transport: knet\n{token}"
            "  crypto_cipher: none\n  crypto_hash: none\n}\n"
            "quorum {\n  provider: corosync_votequorum\n}\n"
            "logging {\n  to_stderr: yes\n  to_syslog: no\n  timestamp: hires\n}\n"
            f"nodelist {{\n{nodes}}}\n"
        )

    def _configuration(self) -> str:
        properties = {"stonith-enabled": "true", "stonith-action": "off"}
        nodes = "".join(
            f'<node id="{number}" uname="{host}"/>'
            for number, host in enumerate(self._hosts, start=1)
        )
        fences = "".join(map(self._fence, self._status.servers))
        vms = "".join(map(self._domain, self._guests))
        away = "".join(
            f'<rsc_location id="away-{host}" rsc="fence-{host}" node="{host}" score="-INFINITY"/>'
            for host in self._hosts
        )
        first, second = (guest.name for guest in self._guests)
        apart = f'<rsc_colocation id="apart" rsc="{first}" with-rsc="{second}" score="-1000"/>'
        return (
            f'<configuration><crm_config><cluster_property_set id="options">'
            f"{_pairs('options', properties)}</cluster_property_set></crm_config>"
            f"<nodes>{nodes}</nodes><resources>{fences}{vms}</resources>"
            f"<constraints>{away}{apart}</constraints></configuration>"
        )

    def _fence(self, server: labs.ServerStatus) -> str:
        name = f"fence-{server.name}"
        options = {
            "ip": server.bmc_url.split("/")[2],
            "username": self._status.bmc_user,
            "password": Path(self._status.bmc_password_file).read_text().strip(),
            "ssl_insecure": "1",
            "systems_uri": f"/redfish/v1/Systems/{server.uuid}",
            "pcmk_host_list": server.name,
        }
        return (
            f'<primitive id="{name}" class="stonith" type="fence_redfish">'
            f'<instance_attributes id="{name}-is">{_pairs(name, options)}</instance_attributes>'
            f'<operations><op id="{name}-m" name="monitor" interval="60s"/></operations>'
            "</primitive>"
        )

    def _domain(self, guest: Guest) -> str:
        name = guest.name
        file = str(self._machines / f"{name}.xml")
        options = {"config": file, "hypervisor": "qemu:///system", "force_stop": "true"}
        return (
            f'<primitive id="{name}" class="ocf" provider="heartbeat" type="VirtualDomain">'
            f'<instance_attributes id="{name}-is">{_pairs(name, options)}</instance_attributes>'
            f'<operations><op id="{name}-s" name="start" interval="0" timeout="90s"/>'
            f'<op id="{name}-p" name="stop" interval="0" timeout="90s"/>'
            f'<op id="{name}-m" name="monitor" interval="10s" timeout="30s"/></operations>'
            "</primitive>"
        )

    def _begin(self, host: str) -> None:
        self._in(host, ["bash", "-c", _START, "start", str(self._folder), host])

    def _in(self, host: str, argv: list[str]) -> str:
        prefix = labs.server_command(LAB, host, self._state)
        done = subprocess.run([*prefix, *argv], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""

    def _shown(self) -> str:
        """Return what a host says of the cluster that is in it."""
        for host in self._hosts:
            if next(s for s in self._now().servers if s.name == host).power == "on":
                shown = self._in(host, ["crm_mon", "-1r"])
                if "partition with quorum" in shown:
                    return shown
        return ""

    def _now(self) -> LabStatus:
        return labs.status(LAB, self._state)

    def _online(self) -> bool:
        shown = self._shown()
        return f"Online: [ {' '.join(self._hosts)} ]" in shown and "pending" not in shown

    def _started(self) -> bool:
        return all(self._place(guest) for guest in self._guests)

    def _place(self, guest: Guest) -> str:
        found = re.search(rf"{guest.name}\s.*Started (\w+)", self._shown())
        return found[1] if found else ""

    def _wait(self, look: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_S
        while not look():
            if time.monotonic() > deadline:
                raise FellApart(f"{self.profile.name}: not in {READY_S:g} s: {what}")
            time.sleep(0.5)


def _pairs(owner: str, values: dict[str, str]) -> str:
    return "".join(
        f'<nvpair id="{owner}-{name}" name="{name}" value={quoteattr(value)}/>'
        for name, value in values.items()
    )


def _empty(uri: str) -> None:
    """End and forget every VM of a host."""
    virsh = ["virsh", "-q", "-c", uri]
    told = subprocess.run([*virsh, "list", "--all", "--name"], capture_output=True, text=True)
    for name in told.stdout.split():
        for deed in ("destroy", "undefine"):
            subprocess.run([*virsh, deed, name], capture_output=True)


def _answers(uri: str) -> bool:
    done = subprocess.run(["virsh", "-q", "-c", uri, "pool-refresh", "shared"], capture_output=True)
    return done.returncode == 0
