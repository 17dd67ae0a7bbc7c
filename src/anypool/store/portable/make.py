"""Making a backup of a database, whether or not a manager works on it."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from anypool import __version__
from anypool.clock import Clock
from anypool.store import connect
from anypool.store.failures import explained
from anypool.store.portable.alone import epoch_of, must_be_there, patient, place_of
from anypool.store.portable.file import About, Manifest, write
from anypool.store.portable.live import Live
from anypool.store.portable.pour import Report, quiet


def back_up(
    url: str,
    path: Path,
    clock: Clock,
    *,
    keys: Callable[[], bytes] | None = None,
    report: Report = quiet,
) -> Manifest:
    """Write one moment of a database into a file; return the manifest.

    Writers are not waited for and do not wait. `keys` gives the sealed keys, to be put in too.
    Raise `NotFound` if there is no database, `Conflict` if the file is there already,
    `StoreFailed` if one of them fails; nothing is left behind then.
    """
    parsed = connect.parse(url)
    must_be_there(parsed)
    place = place_of(parsed)
    engine = connect.engine(parsed)
    try:
        with explained(place), connect.reading(engine) as connection:
            patient(connection)
            known = Live(connection, place)
            return write(path, known, _about(connection, clock), keys=keys, report=report)
    finally:
        engine.dispose()


def _about(connection: sa.Connection, clock: Clock) -> About:
    return About(
        release=__version__,
        made_at=clock.now(),
        database=connection.dialect.name,
        epoch=epoch_of(connection),
    )
