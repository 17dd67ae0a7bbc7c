"""Moments as people write them, and an incident as a page."""

from datetime import UTC, datetime

import pytest

from anypool.cli.incidents import _found, markdown, seconds
from anypool.errors import Invalid

NOW = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("03:12", datetime(2026, 11, 26, 3, 12, tzinfo=UTC)),
        ("3:12:07", datetime(2026, 11, 26, 3, 12, 7, tzinfo=UTC)),
        ("23:59", datetime(2026, 11, 25, 23, 59, tzinfo=UTC)),
        ("2026-11-20T03:12:00+00:00", datetime(2026, 11, 20, 3, 12, tzinfo=UTC)),
    ],
)
def test_time_of_day_is_the_last_one_there_was(text: str, moment: datetime) -> None:
    assert seconds(text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["25:00", "03:77", "yesterday", ""])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no"):
        seconds(text, NOW)


def test_page_has_one_row_for_each_line_and_breaks_on_nothing() -> None:
    entry = {"at": 1.5, "what": "proof", "message": "a | b\nc", "source": "bmc"}
    about = {"id": "ha-1", "policy": "ha", "began_at": 1.0, "ended_at": 0.0}
    page = markdown({"incident": about, "entries": [entry, entry]}).splitlines()
    assert page[0] == "# Incident ha-1"
    assert "it goes on" in page[2]
    assert len([row for row in page if row.endswith("| proof | a \\| b c | bmc |")]) == 2


class Asked:
    """Stands for the client, and notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []

    def get(self, path: str, **query: object) -> dict[str, object]:
        self.asked.append((path, query))
        return {"items": []}


def test_moment_is_asked_for_as_a_query_and_not_in_the_path() -> None:
    """A query within a path is dropped on the way, and every incident would be shown."""
    client = Asked()
    assert _found(client, "2026-11-20T03:12:00+00:00") == []  # type: ignore[arg-type]
    assert _found(client, "") == []  # type: ignore[arg-type]
    moment = datetime(2026, 11, 20, 3, 12, tzinfo=UTC).timestamp()
    assert client.asked == [("/ha/incidents", {"at": moment}), ("/ha/incidents", {"at": ""})]
