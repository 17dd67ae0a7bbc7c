"""One catalogue of images: what each can be used for, and numbers that mean the same everywhere."""

from anypool.model import EndpointId, Image, ImageId, ImageVersion
from anypool.model.boothost import BootHost, ServerImage
from anypool.model.catalogue import ImageUse, catalogue, next_number, uses_of

WEB = Image(id=ImageId("web"), name="web", versions=(ImageVersion(number=2),), last=2)
DEBIAN = Image(id=ImageId("d"), name="debian", versions=(ImageVersion(number=1),), last=4)
FIRST = BootHost(
    id=EndpointId("boot1"),
    images=(
        ServerImage(name="web", versions=(2, 3), current=3, last=5),
        ServerImage(name="ram", versions=(1,), current=1),
    ),
)
SECOND = BootHost(
    id=EndpointId("boot2"), images=(ServerImage(name="web", versions=(1,), current=1, last=1),)
)


def test_images_on_datastores_and_on_boot_hosts_are_one_list() -> None:
    found = {one.name: one for one in catalogue((WEB, DEBIAN), (SECOND, FIRST))}
    assert list(found) == ["debian", "ram", "web"]
    assert {name: uses_of(one) for name, one in found.items()} == {
        "debian": (ImageUse.VM,),
        "ram": (ImageUse.BOOT,),
        "web": (ImageUse.VM, ImageUse.BOOT),
    }
    web = found["web"]
    assert web.numbers == (1, 2, 3)
    assert [web.uses_of(number) for number in web.numbers] == [
        (ImageUse.BOOT,), (ImageUse.VM, ImageUse.BOOT), (ImageUse.BOOT,)
    ]  # fmt: skip
    assert [one.boot_host for one in web.exports] == ["boot1", "boot2"]


def test_no_number_is_given_twice_wherever_a_version_lies() -> None:
    images, hosts = (WEB, DEBIAN), (FIRST, SECOND)
    assert next_number("web", images, hosts) == 6
    assert next_number("debian", images, hosts) == 5
    assert next_number("ram", images, hosts) == 2
    assert next_number("new", images, hosts) == 1
