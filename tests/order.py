"""Files that take longest are begun first, so that all workers end at about the same time.

A file that is missing here, or no longer takes long, costs a few seconds at the end and no
more. The list at the end of each part of ./test says what takes long.
"""

import pytest

LONG = (
    *(
        "lab/test_service_moves.py",
        "lab/test_chaos.py",
        "lab/test_blades_boot_service.py",
        "lab/test_service_moves.py",
        "lab/test_rollout.py",
        "docs/test_tutorial.py",
        "lab/test_once_network.py",
        "lab/test_blades_profiles.py",
    ),
    *("simulation/test_faults.py", "service/test_schema.py", "vsphere/test_killed.py"),
    *("simulation/test_crash_sweep.py", "service/test_cli_bad_input.py"),
    *("service/test_store_postgres.py", "simulation/test_tasks.py"),
    *("service/test_schemas_postgres.py", "service/test_schemas_kill.py"),
    *("service/test_wheel.py", "service/test_demo.py", "docs/test_look_at_vcenter.py"),
    *("service/test_schemas.py", "service/test_store_trouble.py", "simulation/test_ha.py"),
)
_RANK = {file: rank for rank, file in enumerate(LONG)}


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by file; those that are not named keep their order, after the others."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folder, file = item.path.parts[-2:]
    return _RANK.get(f"{folder}/{file}", len(LONG))
