"""Calls that wait for a connection which is given up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from anypool.errors import OutcomeUnknown, Unreachable
from anypool.model import VmId
from tests.service.test_drivers_remote import SHORT_S, Asked, Scene, _rests, until


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path, measure=SHORT_S)
    yield scene
    scene.close()


def test_calls_that_wait_for_a_connection_do_not_wait_with_the_one_that_is_given_up(
    scene: Scene,
) -> None:
    """One call ran into its deadline; the others could go on elsewhere, and did not."""
    far = scene.driver("far")
    with scene.far.turn() as state:
        vm = VmId(state.all_vms()[0])
        host = state.hosts_of(vm)[0]
    with scene.far.turn():  # whoever connects now waits for this turn to end
        connects = Asked(far.observe)
        waits = Asked(lambda: far.reboot_vm(vm, host))
        with pytest.raises((Unreachable, OutcomeUnknown)):
            far.measure()
        connects.end()
        waits.end()
        assert isinstance(connects.error, Unreachable)
        assert isinstance(waits.error, Unreachable), "it was never sent to the endpoint"
    until(lambda: not _rests(far), "the pause ends")
    assert far.observe().vms
