"""The API keeps its document: every operation, with input that fits it and input that does not."""

import os
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.manager_kit import DEADLINE_S, Manager

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS = "/api/v1/events/stream"
REAL = {"vms": "vm1", "hosts": "h2", "datastores": "demo-shared1", "networks": "net1"}


def settings() -> hypothesis.settings:
    return hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def inputs(operation: Any) -> list[Any]:
    """Fitting input for a thing that is there, fitting input for any, and input that is wrong."""
    noun = operation.path.split("/")[3]
    found = [operation.as_strategy(GenerationMode.POSITIVE)]
    if "{key}" in operation.path and noun in REAL:
        real = {"key": REAL[noun], "target": "vdz", "mac": "52:54:00:00:00:01", "name": "s"}
        names = {name: value for name, value in real.items() if f"{{{name}}}" in operation.path}
        found.append(operation.as_strategy(GenerationMode.POSITIVE, path_parameters=names))
    if operation.query or operation.body or operation.path_parameters:
        found.append(operation.as_strategy(GenerationMode.NEGATIVE))
    return found


@pytest.mark.usefixtures("pool")
@pytest.mark.timeout(600)
def test_every_operation_keeps_the_document(manager: Manager) -> None:
    document = httpx.get(f"{manager.url}/api/openapi.json", timeout=DEADLINE_S).json()
    schema = schemathesis.openapi.from_dict(document)
    headers = {"Authorization": f"Bearer {manager.token()}"}
    calls = 0
    failures: list[str] = []
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path == ENDLESS:
            continue
        for strategy in inputs(operation):

            @settings()
            @hypothesis.given(case=strategy)
            def send(case: Any) -> None:
                nonlocal calls
                calls += 1
                response = case.call(base_url=manager.url, headers=headers, timeout=10)
                case.validate_response(response, checks=CHECKS)

            try:
                send()
            except (AssertionError, BaseExceptionGroup) as error:
                failures.append(f"{operation.label}: {error}")
    assert not failures, "\n\n".join(failures)
    assert calls > 200
