"""What a letter says, in one line and in many."""

from datetime import UTC, datetime
from typing import Any

from anypool.store.notify import Letter

_LONGEST = 160


def line(letter: Letter) -> str:
    """Return a letter in one line: its first event, and how many more there are."""
    return f"{_flat(letter.event.message)}{_and_more(letter.count - 1)}"


def subject(letter: Letter) -> str:
    """Return a letter as the subject of a mail."""
    first = _flat(letter.event.message)
    short = first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}…"
    return f"[anypool] {letter.event.severity}: {short}{_and_more(letter.count - 1)}"


def body(letter: Letter, manager: str) -> str:
    """Return a letter as the text of a mail."""
    event = letter.event
    facts = (
        ("what", event.kind),
        ("when", moment(event.at)),
        ("about", f"{event.subject_kind} {event.subject_id}".strip()),
        ("by", event.by),
        ("plan", event.plan or ""),
        ("operation", event.run or ""),
        ("event", str(event.number or "")),
    )
    lines = [_flat(event.message), ""]
    lines += [f"{name}: {_flat(value)}" for name, value in facts if value]
    if letter.count > 1:
        lines += ["", f"{letter.count - 1} more of the kind {event.kind}:"]
        lines += [f"  {_flat(text)}" for text in letter.more]
        left = letter.count - 1 - len(letter.more)
        lines += [f"  and {left} more"] if left else []
    lines += ["", f"Sent by anypool on {manager}, notification {letter.notification}."]
    lines += [f"Delivery {letter.id}: the same one is the same message."]
    return "\n".join(lines) + "\n"


def value(letter: Letter) -> dict[str, Any]:
    """Return a letter as data, in the order of the Standard Webhooks: type, timestamp, data."""
    event = letter.event
    return {
        "type": event.kind,
        "timestamp": moment(event.at),
        "data": {
            "notification": letter.notification,
            "message": event.message,
            "severity": str(event.severity),
            "number": event.number,
            "subject_kind": event.subject_kind,
            "subject_id": event.subject_id,
            "by": event.by,
            "plan": event.plan,
            "operation": event.run,
            "count": letter.count,
            "more": list(letter.more),
        },
    }


def moment(at: float) -> str:
    """Return a time as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _and_more(count: int) -> str:
    return f", and {count} more" if count else ""


def _flat(text: str) -> str:
    """Return a text in one printable line: names come from other machines."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
