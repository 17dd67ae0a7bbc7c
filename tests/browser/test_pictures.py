"""The death map, racks and incidents in a real browser, against a real manager."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import expect

from anypool.drivers.sim import BmcMood, Shape, World, build_world
from anypool.model import HostId
from tests.browser.kit import Console, violations
from tests.service.manager_kit import Manager, add_sim, finished, running, until

pytestmark = pytest.mark.browser

SHAPE = "hosts=3&vms=6&running_percent=100&ours_percent=100&locks=false"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    """A manager of our own: hosts in two racks, six blades, one of which bears a profile."""
    with running(tmp_path_factory.mktemp("pictures")) as made:
        with made.client() as client:
            add_sim(client, query="hosts=6&vms=40&seed=7&servers=6&ours_percent=100")
            for number in range(1, 7):
                tags = [f"rack:r{(number - 1) // 3}"]
                assert client.patch(f"/hosts/h{number}", json={"tags": tags}).status_code == 200
            _with_a_profile(client)
            _with_a_service_and_a_rule(client)
        yield made


def _with_a_profile(client: httpx.Client) -> None:
    lan = {"name": "lan", "kind": "mac", "first": "02-00-00-00-01-00", "count": 16}
    assert client.post("/address-ranges", json=lan).status_code == 201
    for number in range(1, 7):
        body = {"adoption": "adopted", "spare": number > 4}
        assert client.patch(f"/servers/blade{number}", json=body).status_code == 200
    made = client.post("/profiles", json={"name": "ora-db", "nics": [[], []]})
    assert made.status_code == 201, made.text
    ended = finished(client, client.post("/profiles/ora-db/assign", json={"to": "blade1"}))
    assert ended["state"] == "done", ended["message"]


def _with_a_service_and_a_rule(client: httpx.Client) -> None:
    store = next(one for one in client.get("/datastores").json()["items"] if one["shared"])
    image = {"name": "base", "datastore": store["name"], "volume": "base.qcow2"}
    assert client.post("/images", json=image).status_code == 201
    vms = [one["name"] for one in client.get("/vms", params={"limit": 2}).json()["items"]]
    components = [{"name": "web", "vms": vms[:1]}, {"name": "db", "vms": vms[1:]}]
    made = client.post("/services", json={"name": "shop", "components": components})
    assert made.status_code == 200, made.text
    rule = {"name": "two", "scope": f"name in ({vms[0]}, {vms[1]})", "rule": {"kind": "apart"}}
    assert client.post("/policies", json=rule).status_code == 201


def _paths(client: httpx.Client) -> Iterator[str]:
    for kind in ("datastores", "networks", "images", "servers", "profiles", "services"):
        yield f"/{kind}/{client.get(f'/{kind}').json()['items'][0]['id']}"
    yield "/policies/two"


def test_every_kind_of_object_has_a_page_that_says_what_it_is_part_of(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    console = open_console(manager)
    page = console.page
    dark, light = (
        page.get_by_role("button", name=f"Switch to {name} colours") for name in ("dark", "light")
    )
    with manager.client() as client:
        paths = list(_paths(client))
    for path in paths:
        console.go(path)
        main = page.get_by_role("main")
        expect(main.get_by_role("heading", name="What happened")).to_be_visible()
        expect(main.locator(".ap-relations__here, .ap-object__card--wide").first).to_be_visible()
        expect(main.get_by_role("status").filter(has_text="Reading")).to_have_count(0)
        assert violations(page) == [], path
        dark.click()
        assert violations(page) == [], path
        light.click()
    console.go(paths[4])
    expect(page.get_by_role("region", name="Which servers bore it")).to_contain_text("blade1")
    page.get_by_role("button", name="Take from its server").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is done yet.")
    dialog.get_by_role("button", name="Leave it").click()
    console.go(paths[5])
    expect(page.get_by_role("region", name="Its machines")).to_contain_text("web")
    main.get_by_role("listitem").get_by_role("link", name="two").click()
    expect(page.get_by_role("heading", name="two", level=1)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("It is kept now.")


def test_a_pool_opens_with_what_would_die_and_a_failure_is_rehearsed_on_a_copy(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    with manager.client() as client:
        plans = client.get("/plans").json()["total"]
    page = open_console(manager, "/pools/default").page
    cells = page.get_by_role("gridcell")
    expect(cells).to_have_count(6)
    expect(page.get_by_role("main").get_by_role("heading", name="What happened")).to_be_visible()
    assert violations(page) == []
    page.locator("[data-host=h2]").click()
    panel = page.get_by_role("complementary", name="Death map")
    panel.get_by_role("link", name="Rehearse it").click()
    expect(page.get_by_role("heading", name="Rehearsal: h2 fails")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("Not real")
    expect(page.locator("[data-host=h2]")).to_contain_text("silent")
    status = page.get_by_role("main").get_by_role("status")
    expect(status).to_contain_text("0 of")
    on = page.get_by_role("button", name="One step on")
    on.click()
    expect(page.locator("[aria-current=step]")).to_have_count(1)
    moment = page.get_by_role("slider", name="Moment")
    assert violations(page) == []
    page.get_by_role("button", name="Switch to dark colours").click()
    assert violations(page) == []
    page.get_by_role("combobox", name="Speed").select_option("64")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=30_000)
    assert moment.input_value() == moment.get_attribute("max")
    expect(status).not_to_contain_text("0 of")
    page.get_by_role("button", name="hangs").click()
    expect(page.get_by_role("main")).to_contain_text("its power is on, and nothing on it answers")
    with manager.client() as client:
        assert client.get("/hosts/h2").json()["state"] == "up"
        assert client.get("/plans").json()["total"] == plans


def test_a_host_is_pointed_at_and_the_map_says_what_dies(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    page = open_console(manager, "/deathmap").page
    cells = page.get_by_role("gridcell")
    expect(cells).to_have_count(6)
    cells.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Death map")
    expect(panel.get_by_role("heading", name="If h2 fails now")).to_be_visible()
    expect(panel).to_contain_text("Nothing starts before this is proven")
    assert page.locator(".ap-cell--takes").count() >= 1
    assert violations(page) == []
    page.get_by_role("button", name="Switch to dark colours").click()
    assert violations(page) == []
    panel.get_by_role("button", name="Add to the failure").click()
    page.locator("[data-host=h4]").click()
    expect(panel.get_by_role("heading", name="If h2, h4 fail now")).to_be_visible()
    page.reload()
    expect(panel.get_by_role("heading", name="If h2, h4 fail now")).to_be_visible()
    expect(panel.get_by_role("link", name="Rehearse it")).to_be_visible()
    page.get_by_role("button", name="A rack").click()
    expect(panel.get_by_role("heading", name="fails now")).to_contain_text("If r")


def test_a_profile_is_brought_to_a_spare_by_keys_and_seen_as_a_plan_first(
    open_console: Callable[..., Console], manager: Manager
) -> None:
    page = open_console(manager, "/racks").page
    bays = page.get_by_role("gridcell")
    expect(bays).to_have_count(6)
    expect(bays.first).to_contain_text("ora-db")
    assert violations(page) == []
    bays.first.focus()
    page.keyboard.press("m")
    expect(page.get_by_text("ora-db is lifted out")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("End")
    expect(bays.last).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nothing is done yet.")
    expect(dialog.get_by_role("listitem").first).to_be_visible()
    dialog.get_by_role("button", name="Leave it").click()
    bays.first.locator(".ap-cartridge").drag_to(bays.nth(4))
    expect(dialog).to_contain_text("blade5")
    dialog.get_by_role("button", name="Leave it").click()
    with manager.client() as client:
        assert client.get("/profiles/ora-db").json()["server"] == "blade1"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("dying") / "sim.world"
    shape = Shape(hosts=3, vms=6, running_percent=100, ours_percent=100, locks=False)
    made = build_world(shape, name="dying", path=path)
    made.set_bmc(HostId("dying-h1"), BmcMood.WORKS)
    yield made
    made.close()


def test_an_incident_is_told_on_one_axis_and_in_sentences(
    open_console: Callable[..., Console],
    world: World,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = next(tmp_path_factory.getbasetemp().glob("dying*/sim.world"))
    state = tmp_path_factory.mktemp("incident")
    with running(state, unreachable_retry_max_s=2.0) as made, made.client() as client:
        for name in ("h1", "h2", "h3"):
            body = {"uri": f"sim://dying/{name}?state={path}&{SHAPE}", "name": name}
            assert client.post("/endpoints", json=body).status_code == 201
        rule = {"kind": "ha", "level": "automatic", "silent_s": 5, "cold_s": 0}
        policy = {"name": "ha", "scope": "pool = default", "rule": rule}
        assert client.post("/policies", json=policy).status_code == 201
        until(lambda: client.get("/hosts/dying-h1/ha").json()["standing"], "it is judged")
        world.kill_host(HostId("dying-h1"))
        until(lambda: client.get("/hosts/dying-h1/ha").json()["proof"], "it is proved dead")
        console = open_console(made, "/incidents")
        page = console.page
        page.get_by_role("main").get_by_role("rowheader").get_by_role("link").first.click()
        expect(page.get_by_role("heading", name="The story")).to_be_visible(timeout=20_000)
        expect(page.locator(".ap-mark--proof").first).to_be_attached()
        expect(page.get_by_role("main")).to_contain_text("Proofs:")
        card = page.get_by_role("article", name="Death certificate")
        expect(card).to_contain_text("read as off twice")
        expect(card).to_contain_text("It covers")
        assert violations(page) == []
        page.get_by_role("button", name="Switch to dark colours").click()
        assert violations(page) == []
        with page.expect_download() as exported:
            card.get_by_role("button", name="Export this certificate").click()
        text = exported.value.path().read_text(encoding="utf-8")
        assert "Death certificate: h1" in text
        assert "first_at" in text
