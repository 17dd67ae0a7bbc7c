"""OpenStack placement in this process, on SQLite: run by `place.py` in the peer's environment.

Usage: place_peer.py FOLDER HOSTS. It reads one list of requests a line as JSON, each
`[vcpus, memory_mib, datastore, network]`, and answers with the seconds each claim took; a
claim is asking for a candidate and allocating it. Nothing of anypool is imported.
"""

import io
import json
import shutil
import sys
import time
import uuid
from pathlib import Path
from typing import Any

CPUS, MEMORY_MIB, DATASTORES = 64, 262_144, 2
OVERBOOKED = 16
"""How often a CPU is given away, as in placement's default of Nova; anypool's has no limit."""


class Peer:
    """The application, asked as WSGI asks it, without a socket and without authentication."""

    def __init__(self, file: Path, *, durable: bool) -> None:
        from oslo_config import cfg  # type: ignore[import-not-found,unused-ignore]
        from placement import conf, db_api, deploy  # type: ignore[import-not-found,unused-ignore]

        options = cfg.ConfigOpts()
        conf.register_opts(options)
        options.set_override("auth_strategy", "noauth2", group="api")
        database = "placement_database"
        options.set_override("connection", f"sqlite:///{file}", group=database)
        options.set_override("sync_on_startup", True, group=database)
        options.set_override("sqlite_synchronous", durable, group=database)
        options([], project="placement", default_config_files=[])
        db_api.configure(options)
        self._app = deploy.loadapp(options)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer to a request; end the benchmark if it is an error."""
        raw = b"" if body is None else json.dumps(body).encode()
        place, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": place, "QUERY_STRING": query,
            "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(raw)), "HTTP_X_AUTH_TOKEN": "admin",
            "HTTP_OPENSTACK_API_VERSION": "placement 1.36", "HTTP_ACCEPT": "application/json",
            "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(raw),
            "wsgi.errors": sys.stderr, "wsgi.multithread": False, "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }  # fmt: skip
        status: list[str] = []
        answer = b"".join(
            self._app(environ, lambda said, _headers, _info=None: status.append(said))
        )
        if not status[0].startswith("2"):
            raise SystemExit(f"placement: {method} {path}: {status[0]} {answer[:300]!r}")
        return json.loads(answer) if answer else None

    def fill(self, hosts: int) -> None:
        """Make the hosts: their room, and what they reach as traits."""
        for name in (*(f"CUSTOM_DS{number}" for number in range(DATASTORES)), "CUSTOM_NET0"):
            self.ask("PUT", f"/traits/{name}")
        room = {
            "VCPU": {"total": CPUS, "allocation_ratio": OVERBOOKED},
            "MEMORY_MB": {"total": MEMORY_MIB},
        }
        for number in range(hosts):
            key = str(uuid.UUID(int=number + 1))
            self.ask("POST", "/resource_providers", {"name": f"h{number:05d}", "uuid": key})
            path = f"/resource_providers/{key}"
            self.ask("PUT", f"{path}/inventories", _at(0, "inventories", room))
            traits = [f"CUSTOM_DS{number % DATASTORES}", "CUSTOM_NET0"]
            self.ask("PUT", f"{path}/traits", _at(1, "traits", traits))

    def claim(self, vcpus: int, memory_mib: int, datastore: int, network: int) -> float:
        """Return how many seconds it takes to choose a host and to keep its room."""
        begin = time.perf_counter()
        wanted = f"resources=VCPU:{vcpus},MEMORY_MB:{memory_mib}"
        needs = f"required=CUSTOM_DS{datastore},CUSTOM_NET{network}"
        found = self.ask("GET", f"/allocation_candidates?{wanted}&{needs}&limit=1")
        chosen = found["allocation_requests"][0]["allocations"]
        body = {"allocations": chosen, "project_id": "p", "user_id": "u"}
        consumer = {"consumer_generation": None}
        self.ask("PUT", f"/allocations/{uuid.uuid4()}", body | consumer)
        return time.perf_counter() - begin


def _at(generation: int, name: str, value: object) -> dict[str, object]:
    return {"resource_provider_generation": generation, name: value}


def main() -> None:
    """Fill a database once, and claim on a copy of it."""
    folder, hosts = Path(sys.argv[1]), int(sys.argv[2])
    filled, used = folder / f"hosts-{hosts}.db", folder / "claims.db"
    if sys.argv[3:] == ["fill"]:
        half = folder / "half.db"
        half.unlink(missing_ok=True)
        Peer(half, durable=False).fill(hosts)
        half.rename(filled)
        return
    shutil.copyfile(filled, used)
    peer = Peer(used, durable=True)
    peer.claim(1, 1024, 0, 0)  # the first one fills caches
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps([peer.claim(*one) for one in json.loads(line)]), flush=True)


if __name__ == "__main__":
    main()
