"""What to change about the labels of a VM or a host at its platform: vSphere's tags and fields."""

from msgspec import Struct


class LabelChange(Struct, frozen=True, kw_only=True, gc=False):
    """Labels to write and to take away: tags are `category:name`, fields are `field=value`.

    What is not named stays. `replace` lets a value give way that stands in the way of a new
    one, `make` makes tags, categories and fields that the platform does not know.
    """

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: bool = False
    make: bool = False

    def fulfilled(self, labels: frozenset[str]) -> bool:
        """Return whether labels are as they are to be."""
        return labels.issuperset(self.add) and labels.isdisjoint(self.remove)

    def applied(self, labels: frozenset[str]) -> frozenset[str]:
        """Return labels as they are afterwards; a field has one value."""
        fields = {field_of(one) for one in self.add} - {""}
        kept = {one for one in labels if field_of(one) not in fields}
        return frozenset(kept - set(self.remove) | set(self.add))


def field_of(label: str) -> str:
    """Return the field of a label `field=value`, "" for a tag `category:name`."""
    tag, field = label.find(":"), label.find("=")
    if field <= 0 or 0 <= tag < field:
        return ""
    return label[:field]
