"""A made-up manager behind httpx, and the command line run against it in this process."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from anypool.cli import connection
from anypool.cli.main import run

Json = dict[str, Any]
Answer = Json | tuple[int, Json] | Callable[[httpx.Request], httpx.Response]


@dataclass
class FakeManager:
    """Answers by method and path; keeps what it was sent."""

    answers: dict[str, Answer] = field(default_factory=dict)
    seen: list[httpx.Request] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        path = request.url.path.removeprefix("/api/v1")
        answer = self.answers.get(f"{request.method} {path}")
        if answer is None:
            body = {"type": "urn:anypool:problem:not-found", "detail": f"no {path}", "hint": "look"}
            return httpx.Response(404, json=body)
        if callable(answer):
            return answer(request)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return httpx.Response(status, json=content)

    def sent(self, method: str, path: str) -> list[httpx.Request]:
        wanted = (method, f"/api/v1{path}")
        return [one for one in self.seen if (one.method, one.url.path) == wanted]

    def body(self, method: str, path: str) -> Any:
        return json.loads(self.sent(method, path)[-1].content)


@dataclass
class Result:
    """What a command printed and returned."""

    code: int
    out: str
    err: str


class Terminal:
    """Runs commands and catches what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Result:
        self._capsys.readouterr()
        code = run(words)
        printed = self._capsys.readouterr()
        return Result(code, printed.out, printed.err)


def listed(*rows: Json) -> Json:
    return {"items": list(rows), "total": len(rows), "next": None}


def pretend(monkeypatch: pytest.MonkeyPatch, manager: FakeManager) -> None:
    transport = httpx.MockTransport(manager.handle)
    monkeypatch.setattr(connection, "transport", lambda context: transport)


def host(name: str, **more: Any) -> Json:
    return {
        "id": f"id-{name}",
        "name": name,
        "endpoint": f"e-{name}",
        "pool": "default",
        "state": "up",
        "maintenance": False,
        "cpus": 4,
        "cpu_model": "EPYC",
        "arch": "x86_64",
        "memory_mib": 4096,
        "memory_free_mib": 3072,
        "reserved_mib": 0,
        "hypervisor": "QEMU 7.2",
        "accelerators": ["kvm"],
        "capabilities": ["vm-power"],
        "datastores": ["shared"],
        "networks": ["data"],
        "tags": [],
        "cluster": "",
        "place": "",
        "labels": [],
        "platform": "qemu",
        "bmc": None,
        "vms": 1,
        "load": None,
        **more,
    }


def vm(name: str, on: str, **more: Any) -> Json:
    return {
        "id": f"uuid-{name}",
        "name": name,
        "host": f"id-{on}",
        "host_name": on,
        "state": "running",
        "reason": "",
        "vcpus": 2,
        "memory_mib": 1024,
        "cpu_model": "",
        "disks": [],
        "nics": [],
        "boot": None,
        "resources": {"cpu_shares": 5, "io_weight": 0},
        "snapshots": [],
        "copies": [],
        "twins": [],
        "tags": ["prod"],
        "place": "",
        "labels": [],
        "resource_pool": "",
        "template": False,
        "load": None,
        **more,
    }


def migrate_step(number: int, name: str, source: str, target: str, **more: Any) -> Json:
    action = {"type": "migrate-vm", "vm": f"uuid-{name}", "source": f"id-{source}"}
    return {
        "number": number,
        "action": {**action, "target": f"id-{target}"},
        "text": f"migrate {name}: {source} -> {target}",
        "why": "most free memory: 1 GiB left there afterwards",
        "after": [],
        "cost": {"copy_bytes": 1 << 30, "duration_ms": 8000, "pause_ms": 50},
        "state": None,
        "message": None,
        "progress": None,
        "attempts": 0,
        "begun_at": None,
        "ended_at": None,
        "pause_ms": 0,
        **more,
    }


def evacuation() -> Json:
    """The plan that empties h1, as the API shows it."""
    enter = migrate_step(3, "", "", "")
    enter |= {"action": {"type": "enter-maintenance", "host": "id-h1"}, "after": [1, 2]}
    enter |= {"text": "enter maintenance on h1", "why": "no VM runs here any more"}
    rejected = {"vm": "uuid-web1", "host": "id-h3", "vm_name": "web1", "host_name": "h3"}
    return {
        "id": "plan-7",
        "goal": "evacuate h1",
        "state": "recommended",
        "by": "ann",
        "created_at": 1.0,
        "changed_at": 1.0,
        "note": "",
        "operation": None,
        "cost": {"copy_bytes": 2 << 30, "duration_ms": 16_000, "pause_ms": 50},
        "steps": [
            migrate_step(1, "web1", "h1", "h2"),
            migrate_step(2, "web2", "h1", "h3"),
            enter,
        ],
        "rejected": [{**rejected, "why": "memory 512 MiB short: needs 1 GiB, 512 MiB free"}],
        "text": "",
    }


def operation(state: str, *steps: Json, **more: Any) -> Json:
    return {
        "id": "run-1",
        "plan": "plan-7",
        "goal": "evacuate h1",
        "state": state,
        "by": "ann",
        "started_at": 1.0,
        "ended_at": None,
        "message": "",
        "paused": False,
        "cancelling": False,
        "steps_total": len(steps),
        "steps_done": 0,
        "progress_percent": 0,
        "steps": list(steps),
        **more,
    }
