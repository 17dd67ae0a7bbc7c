"""Writing labels: tags by the REST service, custom attributes by vCenter itself.

What is named is written or taken away, and nothing else: a value that stands in the way of a
new one gives way only where that was asked for. Everything is looked up before the first
deed, so that a label that cannot be written leaves all as it was.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from anypool.drivers.vsphere import properties
from anypool.drivers.vsphere.acting import Acting
from anypool.drivers.vsphere.inventory import plain
from anypool.drivers.vsphere.mirror import Entry
from anypool.drivers.vsphere.rest import TAGGING, TROUBLE, Refused
from anypool.errors import Denied, Invalid, Rejected, Unreachable
from anypool.model import HostId, LabelChange, VmId, field_of

_ASSOCIATION = f"{TAGGING}/tag-association"
_SINGLE = "SINGLE"
Write = Callable[[], None]


class Labels(Acting):
    """The operation that changes labels."""

    def change_labels(self, host: HostId, vm: VmId | None, change: LabelChange) -> None:
        """Change labels of a VM or a host; quiet for those that are so already."""
        moid, entry = self._bearer(host, vm)
        for label in (*change.add, *change.remove):
            if not field_of(label) and ":" not in label.strip(":"):
                raise Invalid(
                    f"'{label[:80]}' is no label",
                    hint="category:name is a tag, field=value a field",
                )
        target = _Target(moid, entry, plain(entry.get("name")))
        writes = [*self._fields_to_write(target, change), *self._tags_to_write(target, change)]
        for write in writes:
            write()
        if writes:
            self.tags.renew()

    def _bearer(self, host: HostId, vm: VmId | None) -> tuple[str, Entry]:
        if vm is not None:
            here = self.found(vm, host)
            return here.moid, here.entry
        moid = self.host_object(host)._moId
        return moid, self.mirror.read((moid,), properties.HOST)[moid]

    def _fields_to_write(self, target: "_Target", change: LabelChange) -> list[Write]:
        """Return what writes the custom attributes; raise `Rejected` for one that cannot be."""
        wished = {field_of(one): one for one in change.add if field_of(one)}
        gone = {field_of(one): one for one in change.remove if field_of(one)}
        if not wished and not gone:
            return []
        keys = self._field_keys(target)
        there = {
            one.key: str(getattr(one, "value", "")) for one in target.entry.get("customValue") or ()
        }
        values = {name: there.get(key, "") for name, key in keys.items()}
        writes: list[Write] = []
        for name, label in wished.items():
            value, old = label[len(name) + 1 :], values.get(name, "")
            if old == value:
                continue
            if old and not change.replace:
                raise Rejected(
                    f"{target.name} has {name}={old} already", hint="--replace writes over it"
                )
            if name not in keys and not change.make:
                raise Rejected(f"{self.session.name} knows no field {name}", hint="--make makes it")
            writes.append(partial(self._set_field, target, name, value))
        for name, label in gone.items():
            if name not in wished and values.get(name) == label[len(name) + 1 :]:
                writes.append(partial(self._set_field, target, name, ""))
        return writes

    def _field_keys(self, target: "_Target") -> dict[str, int]:
        """Return the custom attributes that what is written onto can bear, by name."""
        kind = properties.KINDS[target.entry.kind]
        known = self.session.read("ask for custom attributes", _defined)
        return {
            str(one.name): int(one.key)
            for one in known
            if one.managedObjectType is None or issubclass(kind, one.managedObjectType)
        }

    def _set_field(self, target: "_Target", name: str, value: str) -> None:
        keys = self._field_keys(target)
        if name not in keys:
            self.session.do(f"make the field {name}", partial(_add_field, name))
            keys = self._field_keys(target)
        thing = self.session.object(properties.KINDS[target.entry.kind], target.moid)
        self.session.do(
            f"write {name} of {target.name}", partial(_write_field, thing, keys[name], value)
        )

    def _tags_to_write(self, target: "_Target", change: LabelChange) -> list[Write]:
        """Return what attaches and detaches tags; raise `Rejected` for one that cannot be."""
        wished = [one for one in change.add if not field_of(one)]
        gone = [one for one in change.remove if not field_of(one)]
        if not wished and not gone:
            return []
        try:
            book = _Book(self, target)
            writes = [write for label in wished for write in book.attaching(label, change)]
            return writes + [write for label in gone for write in book.detaching(label)]
        except Denied:
            raise
        except Refused as error:
            raise Rejected(f"{self.session.name} does not tell its tags: {error}") from error
        except TROUBLE as error:
            raise Unreachable(
                f"{self.session.name}: its tags cannot be read: {error}",
                hint="is its REST service up?",
            ) from error


class _Target:
    """What labels are written onto."""

    def __init__(self, moid: str, entry: Entry, name: str) -> None:
        self.moid = moid
        self.entry = entry
        self.name = name

    @property
    def reference(self) -> dict[str, str]:
        """As the REST service names it."""
        return {"type": self.entry.kind, "id": self.moid}


class _Book:
    """The tags of a vCenter as they are now, and those of one object."""

    def __init__(self, driver: Labels, target: _Target) -> None:
        self._rest = driver.rest
        self._driver = driver
        self._target = target
        self._categories: dict[str, dict[str, Any]] = {}
        for key in self._rest.ask("GET", f"{TAGGING}/category") or ():
            told = self._rest.ask("GET", f"{TAGGING}/category/id:{key}")
            self._categories[str(told["name"])] = told
        named = {str(one["id"]): name for name, one in self._categories.items()}
        self._tags: dict[str, str] = {}
        self._category_of: dict[str, str] = {}
        for key in self._rest.ask("GET", f"{TAGGING}/tag") or ():
            told = self._rest.ask("GET", f"{TAGGING}/tag/id:{key}")
            category = named[str(told["category_id"])]
            self._tags[f"{category}:{told['name']}"] = str(key)
            self._category_of[str(key)] = category
        asked = {"object_id": target.reference}
        found = self._rest.ask("POST", f"{_ASSOCIATION}?~action=list-attached-tags", asked)
        self._attached = {str(one) for one in found or ()}

    def attaching(self, label: str, change: LabelChange) -> list[Write]:
        """Return what attaches a tag; raise `Rejected` if something is in the way."""
        if (known := self._tags.get(label)) in self._attached:
            return []
        category, _, name = label.partition(":")
        if known is not None:
            category = self._category_of[known]
        writes = self._making_room(category, label, change)
        if known is None and not change.make:
            raise Rejected(
                f"{self._driver.session.name} knows no tag {label}", hint="--make makes it"
            )
        if known is None:
            return [*writes, partial(self._make, category, name)]
        return [*writes, partial(self._attach, known, label)]

    def detaching(self, label: str) -> list[Write]:
        """Return what detaches a tag, nothing if it is not attached."""
        key = self._tags.get(label)
        return [partial(self._detach, key, label)] if key in self._attached and key else []

    def _making_room(self, category: str, label: str, change: LabelChange) -> list[Write]:
        """Return what detaches the tag of a category of which an object has only one."""
        kind = self._categories.get(category)
        if kind is None or str(kind.get("cardinality")) != _SINGLE:
            return []
        in_it = {tag for tag in self._attached if self._category_of.get(tag) == category}
        old = [(tag, name) for name, tag in self._tags.items() if tag in in_it]
        going = [(tag, name) for tag, name in old if name not in change.remove]
        if going and not change.replace:
            raise Rejected(
                f"{self._target.name} has {going[0][1]}, and {category} takes one tag only",
                hint=f"--replace lets it give way to {label}",
            )
        return [partial(self._detach, tag, name) for tag, name in old]

    def _make(self, category: str, name: str) -> None:
        kind = self._categories.get(category)
        if kind is None:
            spec = {
                "name": category,
                "description": "",
                "cardinality": "MULTIPLE",
                "associable_types": [],
            }
            body = {"create_spec": spec}
            made = self._do(f"make the category {category}", f"{TAGGING}/category", body)
            kind = self._categories[category] = {"id": made, "name": category}
        wish = {"name": name, "description": "", "category_id": str(kind["id"])}
        label = f"{category}:{name}"
        key = str(self._do(f"make the tag {label}", f"{TAGGING}/tag", {"create_spec": wish}))
        self._attach(key, label)

    def _attach(self, key: str, label: str) -> None:
        what = f"attach tag {label} to {self._target.name}"
        self._do(what, f"{_ASSOCIATION}/id:{key}?~action=attach", self._about())

    def _detach(self, key: str, label: str) -> None:
        if key not in self._attached:
            return
        self._attached.discard(key)
        what = f"detach tag {label} from {self._target.name}"
        self._do(what, f"{_ASSOCIATION}/id:{key}?~action=detach", self._about())

    def _about(self) -> dict[str, Any]:
        return {"object_id": self._target.reference}

    def _do(self, what: str, path: str, body: Any) -> Any:
        return self._rest.do(what, "POST", path, body)


def _defined(root: Any) -> list[Any]:
    manager = root.customFieldsManager
    return [] if manager is None else list(manager.field or ())


def _add_field(name: str, root: Any) -> None:
    root.customFieldsManager.AddCustomFieldDef(name=name)


def _write_field(thing: Any, key: int, value: str, root: Any) -> None:
    root.customFieldsManager.SetField(entity=thing, key=key, value=value)
