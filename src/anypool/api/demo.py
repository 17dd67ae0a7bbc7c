"""The routes of a demo: which failures can be played, and playing one. Elsewhere 404."""

from litestar import get, post
from litestar.params import JSONBody
from msgspec import Struct

from anypool.api.asking import By, Use
from anypool.api.vms import Text


class SceneView(Struct, frozen=True, kw_only=True):
    """A failure that can be played; `target` says what to name: host, vm, datastore or nothing."""

    name: str
    target: str
    about: str


class DemoView(Struct, frozen=True, kw_only=True):
    """What can be played, what is wrong now, and what the simulated world itself saw of VMs."""

    scenes: tuple[SceneView, ...]
    now: tuple[str, ...]
    ran_twice: int
    lost: int


class PlayBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scene by name, and the name of what it happens to."""

    scene: Text
    target: Text = ""


class Played(Struct, frozen=True, kw_only=True):
    """What happened, in words."""

    happened: str


@get("/demo", sync_to_thread=True)
def get_demo(services: Use, by: By) -> DemoView:
    """Show which failures can be played on a simulated pool, and what is wrong with it now."""
    scenes = tuple(
        SceneView(name=scene.name, target=scene.target, about=scene.about)
        for scene in services.demo.scenes(by)
    )
    seen = services.demo.trouble(by)
    return DemoView(scenes=scenes, now=seen.now, ran_twice=seen.ran_twice, lost=seen.lost)


@post("/demo/play", status_code=200, sync_to_thread=True)
def play_scene(services: Use, by: By, data: JSONBody[PlayBody]) -> Played:
    """Let a failure happen to the simulated pool of a demo."""
    return Played(happened=services.demo.play(by, data.scene, data.target))


ROUTES = (get_demo, play_scene)
