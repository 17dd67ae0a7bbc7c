"""Files that take longest are begun first, so that all workers end at about the same time.

A file that is missing here, or no longer takes long, costs a few seconds at the end and no
more. The list at the end of each part of ./test says what takes long.
"""

import pytest

LONG = (
    *("simulation/test_faults.py", "service/test_schema.py", "vsphere/test_killed.py"),
    *("simulation/test_crash_sweep.py", "service/test_cli_bad_input.py"),
    *("service/test_store_postgres.py", "simulation/test_tasks.py"),
    *("service/test_schemas_postgres.py", "service/test_schemas_kill.py"),
    *("service/test_wheel.py", "service/test_demo.py", "docs/test_look_at_vcenter.py"),
    *("service/test_schemas.py", "service/test_store_trouble.py", "simulation/test_ha.py"),
    *("lab/test_blades_boot_service.py", "lab/test_blades_profiles.py", "lab/test_once_network.py"),
    *("lab/test_wardens.py", "lab/test_once_plans.py", "docs/test_tutorial.py"),
    *("lab/test_agent.py", "lab/test_zombie.py", "lab/test_service_moves.py"),
    *("lab/test_rollout.py", "lab/test_libvirt_migration.py", "lab/test_chaos.py"),
    *("lab/test_power.py", "lab/test_blades.py", "lab/test_ha.py"),
)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by file; those that are not named keep their order, after the others."""
    rank = {file: number for number, file in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(_file(item), len(LONG)))


def _file(item: pytest.Item) -> str:
    return "/".join(item.path.parts[-2:])
