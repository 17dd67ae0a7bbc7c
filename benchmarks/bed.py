"""Where benchmarks run: a lab of its own and a manager that knows it, both ended afterwards."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from anypool import lab as labs
from anypool.cli.child import manager
from anypool.cli.client import Client, Json
from anypool.cli.connection import open_http
from anypool.cli.contexts import Context
from anypool.cli.login import by_code, split_link
from anypool.settings import Settings

LOOK_S = 0.03
LOOK_SHARE = 0.02
"""Of the time gone by: asking more often would take CPU time from what is measured."""


def run_inside(words: list[str], hosts: int) -> int:
    """Bring a lab up, run `python -m benchmarks WORDS` inside its network, take it down."""
    with TemporaryDirectory(prefix="anypool-bench-") as folder:
        state = Path(folder)
        state.chmod(0o711)  # peers have daemons that are not root, and servers' /etc is in there
        spec = labs.LabSpec(name="bench", hosts=hosts, spares=0, state_dir=state)
        labs.up(spec, lambda line: print(line, flush=True))
        try:
            inside = [sys.executable, "-m", "benchmarks", *words, "--inside", folder]
            return subprocess.run([*labs.enter_command("bench", state), *inside]).returncode
        finally:
            labs.down("bench", state, print)


class Bed:
    """A manager with the hosts of the lab, spoken to over its API as any client does.

    `pid` is the manager's process. With `two_paths` the hosts' data network is known to it too.
    """

    def __init__(
        self, status: labs.LabStatus, client: Client, pid: int, *, two_paths: bool = False
    ) -> None:
        self.pid = pid
        self.status = status
        self.client = client
        self.hosts: dict[str, str] = {}
        for server in status.servers:
            options = {"console_log_dir": status.console_dir}
            if two_paths:
                options["peer_uri"] = f"qemu+tcp://{server.data_address}/system"
            body = {"uri": server.libvirt_uri, "name": server.name, "options": options}
            found = client.post("/endpoints", body)
            self.hosts[found["hosts"][0]["name"]] = server.libvirt_uri
        self.datastore = status.datastore_uuid
        client.patch(f"/datastores/{self.datastore}", {"locking": "effective"})

    def add_image(self, name: str, more: str = "", *, boots: bool = True) -> None:
        """Register the lab's guest, with more words on its kernel's command line.

        One that does not boot has the same empty disk and no kernel.
        """
        image = self.status.image
        assert image is not None
        boot = {
            "kernel": image.kernel,
            "initrd": image.initrd,
            "cmdline": f"{image.cmdline} {more}".strip(),
        }
        self.client.post(
            "/images",
            {
                "name": name,
                "datastore": self.datastore,
                "volume": Path(image.disk).name,
                "size_bytes": 64 << 20,
                "memory_mib": image.memory_mib,
                "boot": boot if boots else None,
            },
        )

    def do(self, path: str, body: Json | None = None, *, timeout_s: float = 300) -> float:
        """Ask for a deed, wait until its operation is done, return the seconds it took."""
        begin = time.monotonic()
        key = self.client.post(path, body or {})["operation"]["id"]
        while True:
            seen = self.client.get(f"/operations/{key}")
            if seen["state"] == "done":
                return time.monotonic() - begin
            if seen["state"] != "running" or time.monotonic() > begin + timeout_s:
                raise SystemExit(f"{path}: operation {seen['state']}: {seen['message']}")
            time.sleep(max(LOOK_S, (time.monotonic() - begin) * LOOK_SHARE))

    def wait(self, look: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + timeout_s
        while not look():
            if time.monotonic() > deadline:
                raise SystemExit(f"not in {timeout_s:g} s: {what}")
            time.sleep(LOOK_S)

    def virsh(self, host: str, *words: str) -> str:
        """Run virsh against a host; end the benchmark if it fails."""
        argv = ["virsh", "-q", "-c", self.hosts[host], *words]
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout

    def virsh_migrate(self, vm: str, source: str, target: str) -> None:
        """Migrate a VM live with virsh, as an administrator without a manager would."""
        address = self.hosts[target].split("//")[1].split(":")[0]
        self.virsh(
            source, "migrate", "--live", "--unsafe", "--persistent", "--undefinesource", vm,
            self.hosts[target], "--migrateuri", f"tcp://{address}",
        )  # fmt: skip

    def vms(self, query: str = "") -> list[Json]:
        """Return the VMs that the manager shows."""
        return list(self.client.items("/vms", query=query, most=1000))

    def host_of(self, vm: str) -> str:
        """Return the name of the host a VM is on, as the manager shows it."""
        return str(self.client.get(f"/vms/{vm}")["host_name"])


@contextmanager
def bed(state: str, *, two_paths: bool = False) -> Iterator[Bed]:
    """Yield a bed in the lab of `run_inside`; to be called inside its network."""
    status = labs.status("bench", Path(state))
    settings = Settings(state_dir=str(Path(state, "manager")), listen_port=0)
    with manager(settings) as running:
        from anypool import app

        _, code = split_link(app.login_link(running.settings, "admin"))
        context = by_code(Context(url=running.url), code)
        with open_http(context) as http:
            yield Bed(status, Client(http), running.pid, two_paths=two_paths)
