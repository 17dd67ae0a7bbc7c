"""What we write into the notes of a VM and the description of a snapshot, and read there again.

Each is a line of its own, so that what people write beside it stays.
"""

import re

from anypool.model import ImageId, Origin

_MADE = re.compile(r"^anypool: made by (\S+)$", re.MULTILINE)
_FROM = re.compile(r"^anypool: from image (\S+) version (\d+) ?(\S*)$", re.MULTILINE)
_OURS = re.compile(r"^anypool: (made by|from image) .*$")


def words(tag: str, origin: Origin | None = None) -> str:
    """Return what is written into what a step makes."""
    lines = [f"anypool: made by {tag}"] if tag else []
    if origin is not None:
        line = f"anypool: from image {origin.image} version {origin.version} {origin.digest}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def made_by(text: object) -> str:
    """Return the tag of the step that made something, "" if none of ours did."""
    found = _MADE.search(str(text or ""))
    return "" if found is None else found[1]


def origin(text: object) -> Origin | None:
    """Return the image that a VM was made from, None if it was none of ours."""
    found = _FROM.search(str(text or ""))
    if found is None:
        return None
    return Origin(image=ImageId(found[1]), version=int(found[2]), digest=found[3])


def is_ours(text: object) -> bool:
    """Return whether something of ours is written there."""
    return any(_OURS.match(line) for line in str(text or "").splitlines())


def without(text: object) -> str:
    """Return a text without our lines; a blank stands for an empty one, which vSphere ignores."""
    kept = [line for line in str(text or "").splitlines() if not _OURS.match(line)]
    return "\n".join(kept).strip() or " "
