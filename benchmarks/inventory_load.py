"""People who search, page and count, over HTTP, as long as the load goes on."""

import json
import random
import threading
import time
from urllib.parse import urlencode

from benchmarks.inventory_pool import Pool

PEOPLE = 4
THINK_S = (0.05, 0.25)

Query = dict[str, object]


def query(draw: random.Random) -> Query:
    """Return one of the searches that people make, with other words each time."""
    number = draw.randrange(1, 2500)
    mix: list[Query] = [
        {"q": "", "limit": 100},
        {"q": f"vm{number}", "limit": 50},
        {"q": f"name = vm{number}", "limit": 50},
        {"q": "state = running order by memory desc, name", "limit": 100},
        {"q": f"host = h{draw.randrange(1, 150)} order by name", "limit": 100},
        {"q": f"name ~ {number % 100} and state != running", "facets": "state,host"},
        {"q": "memory >= 4GiB and not state = stopped order by host, name", "facets": "network"},
        {"q": f"52:54:00:{draw.randrange(256):02x}", "limit": 50},
        {"q": "host.memory-free < 4GiB order by vcpus desc", "limit": 100},
        {"q": "snapshots > 0 and datastore ~ shared order by disk-size desc", "limit": 100},
        {"q": "", "limit": 1, "facets": "state,host,network,datastore,memory,vcpus"},
    ]
    return draw.choice(mix)


class Load:
    """Four people with a pause between two searches; the milliseconds of each are kept."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._taken_ms: list[float] = []
        self._failed: list[str] = []
        self._threads = [
            threading.Thread(target=self._search, args=(seed,)) for seed in range(PEOPLE)
        ]

    def __enter__(self) -> "Load":
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._threads:
            one.join()
        assert not self._failed, self._failed[:3]

    @property
    def count(self) -> int:
        """Return how many searches were answered."""
        return len(self._taken_ms)

    def percentile(self, percent: int) -> float:
        """Return the milliseconds that so many percent of the searches took at most."""
        ordered = sorted(self._taken_ms)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    def _search(self, seed: int) -> None:
        draw = random.Random(seed)
        connection = self._pool.connection()
        following: Query | None = None
        while not self._stop.wait(draw.uniform(*THINK_S)):
            asked = following or query(draw)
            begin = time.perf_counter()
            connection.request("GET", f"/api/v1/vms?{urlencode(asked)}", None, self._pool.headers)
            answer = connection.getresponse()
            body = answer.read()
            taken_ms = (time.perf_counter() - begin) * 1000
            with self._lock:
                self._taken_ms.append(taken_ms)
                if answer.status != 200:
                    self._failed.append(f"{asked}: {answer.status} {body[:200]!r}")
            cursor = json.loads(body).get("next") if draw.random() < 0.3 else None
            following = {**asked, "cursor": cursor} if cursor else None
        connection.close()
