"""What can be asked about rolling maintenances."""

from typing import Any

from anypool.model import RolloutState
from anypool.search.field import Field, Kind, Table

ROLLOUT: Table[Any] = Table(
    fields=(
        Field("id", Kind.TEXT, lambda one, _: one.id, "its id", free=True),
        Field("pool", Kind.TEXT, lambda one, _: one.pool, "the pool", free=True),
        Field("state", Kind.ENUM, lambda one, _: one.state, "where it stands", tuple(RolloutState)),
        Field("by", Kind.TEXT, lambda one, _: one.by, "who began it", free=True),
        Field("hosts", Kind.NUMBER, lambda one, _: len(one.wish.hosts), "number of its hosts"),
        Field("done", Kind.NUMBER, lambda one, _: len(one.done), "number of hosts that are done"),
        Field("waves", Kind.NUMBER, lambda one, _: len(one.waves), "number of its waves"),
        Field("attempts", Kind.NUMBER, lambda one, _: one.attempts, "failures in a row"),
        Field("started", Kind.TIME, lambda one, _: one.started_at, "when it began"),
        Field("ended", Kind.TIME, lambda one, _: one.ended_at, "when it ended"),
    ),
)
