"""Images: what becomes of them when volumes are read, written to or gone; who is meant by a key."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import create_engine, text

from anypool.clock import ManualClock
from anypool.engine.observing import imaging
from anypool.engine.observing.imaging import Read
from anypool.errors import Conflict, Invalid, NotFound
from anypool.model import (
    Boot,
    CopyState,
    Datastore,
    DatastoreId,
    Digest,
    Disk,
    Image,
    ImageCopy,
    ImageId,
    ImageVersion,
    Inventory,
    JobState,
    Origin,
    Place,
    Vm,
    VmId,
    VmState,
    Volume,
)
from anypool.plan import CreateSnapshot, DeleteVm, Plan, RevertSnapshot, StartVm, say
from anypool.plan.check import objections
from anypool.plan.parts import decode_chunk
from anypool.search import Noun, Rows, parse
from anypool.search import find as search
from anypool.service import find
from anypool.service.dependants import dependants
from anypool.service.wishes import NewVm, taken, wishes
from anypool.store import Store, facts
from tests.unit.engine_kit import H1, pool, step

FAST, SLOW = DatastoreId("fast"), DatastoreId("slow")
HERE: Place = (FAST, "web.qcow2")
THERE: Place = (SLOW, "web.qcow2")
ELSEWHERE: Place = (SLOW, "web3.qcow2")
A, B, C = ("sha256:" + letter * 64 for letter in "abc")
GIB = 1 << 30


def volume(place: Place = HERE, stamp: str = "s1", base: str = "") -> Volume:
    return Volume(
        datastore=place[0], name=place[1], size_bytes=GIB, used_bytes=7, stamp=stamp, base=base
    )


def fresh(*places: Place, boot: Boot | None = None) -> Image:
    """An image of one version that nobody has read."""
    copies = tuple(ImageCopy(datastore=place[0], volume=place[1]) for place in places or (HERE,))
    first = ImageVersion(number=1, copies=copies, size_bytes=GIB, boot=boot)
    return Image(id=ImageId("i-web"), name="web", versions=(first,), last=1)


def vm(name: str, version: int | None = None, base: str = "", **more: object) -> Vm:
    """A VM, perhaps made from a version, whose disk is named like it."""
    disk = Disk(target="vda", volume=f"{name}.qcow2", datastore=FAST)
    origin = None if version is None else Origin(image=ImageId("i-web"), version=version)
    made = Vm(id=VmId(name), name=name, host=None, disks=(disk,), origin=origin)
    return replace(made, **more)


def world(*vms: Vm, image: Image | None = None) -> Inventory:
    made = Inventory().with_datastore(Datastore(id=FAST, name="fast", free_bytes=5))
    made = made.with_datastore(Datastore(id=SLOW, name="slow", free_bytes=9))
    for one in vms:
        made = made.with_vm(one)
    return made if image is None else made.with_image(image)


def read(
    image: Image,
    digest: str,
    place: Place = HERE,
    stamp: str = "s1",
    inventory: Inventory | None = None,
) -> tuple[Image, list[str]]:
    answer = Digest(state=JobState.DONE, digest=digest, stamp=stamp)
    found = Read(place=place, digest=answer, at=99.0, volume=volume(place, stamp))
    after, news = imaging.read(image, found, inventory or world())
    return after, [say(one.said) for one in news]


def look(image: Image, *volumes: Volume) -> tuple[Image, list[str]]:
    there = {(one.datastore, one.name): one for one in volumes}
    after, news = imaging.seen(image, there, (FAST,), world())
    return after, [say(one.said) for one in news]


def states(image: Image) -> list[list[str]]:
    return [[str(copy.state) for copy in version.copies] for version in image.versions]


def plus(image: Image, number: int, *places: Place, **more: object) -> Image:
    copies = tuple(ImageCopy(datastore=place[0], volume=place[1]) for place in places)
    version = replace(ImageVersion(number=number, copies=copies, size_bytes=GIB), **more)
    return replace(image, versions=(*image.versions, version), last=number)


def test_a_digest_is_unknown_until_somebody_has_read_the_volume() -> None:
    image = fresh()
    assert (image.shown.digest, states(image)) == ("", [["unread"]])
    assert imaging.unread(image) == (HERE,)
    assert image.shown.usable, "what nobody has read can be used"
    image, news = read(image, A)
    (version,) = image.versions
    assert (version.digest, version.used_bytes) == (A, 7)
    (copy,) = version.copies
    assert (copy.state, copy.stamp, copy.read_at) == (CopyState.SAME, "s1", 99.0)
    assert news == [f"web:1 is {A}"]
    assert look(image, volume()) == (image, [])


def test_a_stamp_that_changes_has_it_read_again_and_not_used_meanwhile() -> None:
    image, _ = read(fresh(), A)
    image, news = look(image, volume(stamp="s2"))
    assert (states(image), news) == ([["unread"]], [])
    assert imaging.unread(image) == (HERE,)
    assert not image.shown.usable, "its digest is known, and may be that of something else"
    after, news = read(image, A, stamp="s2")
    assert (states(after), news) == ([["same"]], []), "touched, not changed"
    assert look(after, volume(stamp="s2")) == (after, [])


def test_a_change_in_place_is_a_new_version_and_vms_keep_theirs() -> None:
    image, _ = read(fresh(), A)
    made = [vm(f"v{number:02}", 1) for number in range(25)]
    pool = world(*made, vm("other"), image=image)
    image, news = read(image, B, stamp="s2", inventory=pool)
    old, new = image.versions
    assert states(image) == [["changed"], ["same"]]
    assert (new.number, new.digest, new.source) == (2, B, imaging.FOUND)
    assert new.created_at == 99.0
    assert image.newest is new
    assert not old.usable
    assert image.holder(HERE) is new
    (told,) = news
    assert told.startswith("web.qcow2 on fast was changed in place: it is web:2 now, not web:1")
    assert "v00, v01" in told
    assert "all in all 25" in told
    assert [one.name for one in imaging.made_from(image, 1, pool)] == [one.name for one in made]
    assert imaging.made_from(image, 2, pool) == ()


def test_what_is_put_back_is_the_old_version_again() -> None:
    image, _ = read(fresh(), A)
    image, _ = read(image, B, stamp="s2")
    image, news = read(image, A, stamp="s3")
    assert states(image) == [["same"], ["changed"]]
    assert [one.number for one in image.versions] == [1, 2]
    assert news == ["web.qcow2 on fast was changed in place: it is web:1 now, not web:2 any more"]
    assert image.holder(HERE) is image.versions[0]


def test_the_same_content_on_two_datastores_is_one_version_with_two_copies() -> None:
    image, _ = read(fresh(), A)
    image, news = read(plus(image, 2, THERE), A, THERE)
    (version,) = image.versions
    assert [copy.place for copy in version.copies] == [HERE, THERE]
    assert news == ["web:2 turned out to be web:1: another copy of it"]
    assert image.version(2) is version
    assert image.called(2) == "web:1"
    image, _ = read(image, B, stamp="s2")
    assert [one.number for one in image.versions] == [1, 3], "a number is never given twice"
    assert states(image) == [["changed", "same"], ["same"]]


def test_what_boots_otherwise_is_another_version() -> None:
    image, _ = read(fresh(), A)
    image, _ = read(plus(image, 2, THERE, boot=Boot(kernel="/k")), A, THERE)
    assert [(one.number, one.digest) for one in image.versions] == [(1, A), (2, A)]


def test_a_volume_that_is_gone_is_said_once_and_found_again() -> None:
    image, _ = read(fresh(), A)
    gone, news = look(image)
    assert states(gone) == [["missing"]]
    assert news == ["web.qcow2 on fast, a copy of web:1, is gone"]
    assert look(gone) == (gone, [])
    assert not gone.shown.usable
    back, _ = look(gone, volume())
    assert imaging.unread(back) == (HERE,)
    assert states(read(back, A)[0]) == [["same"]]


def test_nothing_is_concluded_about_datastores_that_nobody_sees() -> None:
    image, _ = read(fresh(THERE), A, THERE)
    assert look(image) == (image, [])


def test_a_platform_without_stamps_is_believed() -> None:
    image, _ = read(fresh(), A, stamp="")
    assert look(image, volume(stamp="")) == (image, [])


def test_a_result_for_a_volume_that_is_no_copy_any_more_changes_nothing() -> None:
    image, _ = read(fresh(), A)
    assert read(image, B, THERE) == (image, [])


def test_a_key_names_a_version() -> None:
    image, _ = read(fresh(), A)
    image, _ = read(plus(image, 2, THERE), B, THERE)
    pool = world(image=image)
    one, two = image.versions
    for key, wanted in (
        ("web", two), ("web:1", one), ("web:2", two), ("i-web:1", one),
        (A, one), (A.upper().replace("SHA256", "sha256"), one), (B[:19], two),
    ):  # fmt: skip
        assert find.version(pool, key) == (image, wanted), key
    for key, error in (
        ("web:3", NotFound), ("web:", NotFound), ("web:x", NotFound), (C, NotFound),
        ("nothing:1", NotFound), ("sha256:ab", NotFound), ("web:" + "9" * 30, NotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            find.version(pool, key)


def test_what_is_deprecated_must_be_named() -> None:
    image, _ = read(fresh(), A)
    image, _ = read(plus(image, 2, THERE), B, THERE)
    one, two = image.versions
    image = replace(image, versions=(one, replace(two, deprecated=True)))
    assert find.version(world(image=image), "web")[1] is one
    assert find.version(world(image=image), "web:2")[1].deprecated
    image = replace(image, versions=tuple(replace(v, deprecated=True) for v in image.versions))
    with pytest.raises(Conflict, match="deprecated") as caught:
        find.version(world(image=image), "web")
    assert "web:2" in caught.value.hint


def wish(master: Image, **asked: object) -> tuple[str, str, Origin | None]:
    pool = world(image=master)
    (made,) = wishes(
        msgspec.convert({"name": "a", "image": "web", **asked}, NewVm), pool, taken(pool, ())
    )
    return made.disks[0].datastore, made.disks[0].base, made.origin


def test_a_wish_remembers_its_version_and_takes_a_good_copy() -> None:
    image, _ = read(fresh(HERE, THERE), A)
    image, _ = read(image, A, THERE)
    origin = Origin(image=ImageId("i-web"), version=1, digest=A)
    assert wish(image) == (SLOW, "web.qcow2", origin), "where there is most space"
    assert wish(image, datastore="fast") == (FAST, "web.qcow2", origin)
    image, _ = look(image, volume(stamp="s2"))
    assert wish(image, image=A)[0] == SLOW, "the other copy is being read again"
    with pytest.raises(Invalid, match="web:1 is not on the datastore fast"):
        wish(image, datastore="fast")


def test_no_vm_is_made_from_what_may_be_something_else() -> None:
    image, _ = read(fresh(), A)
    with pytest.raises(Conflict, match="web:1 was written to and is being read again"):
        wish(look(image, volume(stamp="s2"))[0])
    with pytest.raises(Conflict, match="no copy of web:1 is left"):
        wish(look(image)[0])
    image, _ = read(image, B, stamp="s2")
    assert wish(image)[2] == Origin(image=ImageId("i-web"), version=2, digest=B)
    with pytest.raises(Conflict, match="no copy of web:1 is left"):
        wish(image, image="web:1")


def test_who_depends_on_an_image() -> None:
    image, _ = read(fresh(), A)
    image, _ = read(image, B, stamp="s2")
    vms = (vm("old", 1), vm("new", 2), vm("found"), vm("raw", 2), vm("away", 1), vm("free"))
    clones = ("old", "new", "found", "lost")
    seen = [volume(), *(volume((FAST, f"{n}.qcow2"), base="web.qcow2") for n in clones)]
    seen += [volume((FAST, "raw.qcow2")), volume((SLOW, "x.qcow2"), base="web.qcow2")]
    pool = world(*vms, image=image)
    one, two = image.versions
    assert dependants(image, None, pool, seen) == (
        "away", "found", "new", "old", "the volume lost.qcow2",
    )  # fmt: skip
    assert dependants(image, one, pool, seen) == ("away", "old")
    assert dependants(image, two, pool, seen) == ("found", "new", "the volume lost.qcow2")


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (StartVm(vm=VmId("v"), host=H1), "check.writes-image"),
        (CreateSnapshot(vm=VmId("v"), host=H1, name="s"), "check.writes-image"),
        (RevertSnapshot(vm=VmId("v"), host=H1, name="s"), "check.writes-image"),
        (DeleteVm(vm=VmId("v"), host=H1, volumes=True), "check.is-image"),
        (DeleteVm(vm=VmId("v"), host=H1, volumes=False), ""),
    ],
)
def test_no_plan_writes_to_a_master_or_deletes_it(action: object, code: str) -> None:
    disk = Disk(target="vda", volume="web.qcow2", datastore=FAST)
    template = vm("v", disks=(disk,), host=H1, state=VmState.STOPPED)
    plan = Plan(goal="x", steps=(step(1, action),))  # type: ignore[arg-type]
    found = objections(plan, pool(template).with_image(fresh()))
    assert [one.code for one in found] == ([code] if code else [])
    assert not objections(plan, pool(template))
    locked = replace(template, disks=(replace(disk, readonly=True),))
    assert not objections(plan, pool(locked).with_image(fresh()))


def test_images_and_vms_are_found_by_version_and_digest() -> None:
    image, _ = read(fresh(), A)
    image, _ = read(plus(image, 2, THERE), A, THERE)
    image, _ = read(plus(image, 3, ELSEWHERE), B, ELSEWHERE)
    image, _ = read(image, C, stamp="s2")
    pool = world(vm("a", 1), vm("b", 2), vm("c", 3), vm("d"), image=image)

    def names(noun: Noun, query: str) -> list[str]:
        rows = Rows(noun)
        rows.advance(pool)
        return [one.name for one in search(parse(query, noun), rows, most=9).records]

    assert names(Noun.VM, "image = web:1") == ["a", "b"]
    assert names(Noun.VM, "image = web:2") == ["b"]
    assert names(Noun.VM, "image = web") == ["a", "b", "c"]
    assert names(Noun.VM, f'digest = "{B}"') == ["c"]
    assert names(Noun.VM, "image.name = web and image.versions > 2") == ["a", "b", "c"]
    for query in (f'digest = "{A}"', "versions > 2", "copy = changed", "datastore = slow"):
        assert names(Noun.IMAGE, query) == ["web"], query
    for query in ("digest = sha256:0", "versions > 3", "copy = missing", "deprecated = yes"):
        assert names(Noun.IMAGE, query) == [], query


def test_a_search_follows_what_images_become() -> None:
    image = fresh()
    rows = Rows(Noun.VM)
    rows.advance(world(vm("a", 1), image=image))
    query = parse(f'digest = "{A}"', Noun.VM)
    assert search(query, rows, most=9).total == 0
    rows.advance(world(vm("a", 1), image=read(image, A)[0]))
    assert search(query, rows, most=9).total == 1


def test_images_of_a_stored_inventory_of_before_have_one_version() -> None:
    old = {"id": "i", "name": "n", "datastore": "d", "volume": "v.raw", "format": "raw"}
    boot = {"kernel": "/k", "initrd": "", "cmdline": ""}
    stored = msgspec.json.encode([old | {"size_bytes": 5, "boot": boot, "memory_mib": 64}])
    (image,) = decode_chunk("images", stored)
    assert (image.id, image.memory_mib, image.last) == ("i", 64, 1)
    (version,) = image.versions
    assert (version.format, version.size_bytes, version.boot) == ("raw", 5, Boot(kernel="/k"))
    assert version.copies[0].place == ("d", "v.raw")
    with pytest.raises(Invalid):
        decode_chunk("images", b'[{"id": 3}]')


def test_images_of_a_database_of_before_have_one_version(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    at_schema(url, "0007")
    engine = create_engine(url)
    with engine.begin() as connection:
        for name, boot in (("a", '{"kernel": "/k", "initrd": "", "cmdline": ""}'), ("b", None)):
            connection.execute(
                text("insert into images values (:n, :n, 'd', 'v.qcow2', 'qcow2', 9, :b, 64, 'x')"),
                {"n": name, "b": boot},
            )
        connection.execute(text("insert into vm_facts values ('v1', '[\"t\"]')"))
    engine.dispose()
    store = Store.open(url, clock=ManualClock())
    with store.reading() as tx:
        first, second = facts.images.all(tx)
        (kept,) = facts.vms.all(tx)
    store.close()
    assert (first.name, first.memory_mib, first.last, first.same) == ("a", 64, 1, ())
    (version,) = first.versions
    assert (version.number, version.size_bytes, version.digest) == (1, 9, "")
    assert version.boot == Boot(kernel="/k")
    assert version.copies == (ImageCopy(datastore=DatastoreId("d"), volume="v.qcow2"),)
    assert second.versions[0].boot is None
    assert (kept.tags, kept.origin) == (frozenset({"t"}), None)


def at_schema(url: str, revision: str) -> None:
    """Make a database as an older release has it."""
    from alembic import command

    from anypool.store import migrate

    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(migrate._config(connection), revision)
    engine.dispose()
