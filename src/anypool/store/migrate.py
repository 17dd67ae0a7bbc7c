"""Bring a database to this release's schema, all of it or nothing."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from anypool.errors import StoreFailed

VERSION_TABLE = "anypool_schema"
_SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x616E79706F6F6C  # "anypool": any number that all our releases share


def migrate(connection: Connection, place: str) -> None:
    """Migrate to the newest schema inside the caller's transaction.

    Raise `StoreFailed` for a schema newer than this release and for a database that
    holds somebody else's tables.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config = _config(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    current = _revision(connection)
    if current is not None and current not in known:
        raise StoreFailed(
            f"the database {place} has schema {current}, newer than this release knows",
            hint="run the release that wrote it, or a newer one",
        )
    if current is None and (others := inspect(connection).get_table_names()):
        raise StoreFailed(
            f"the database {place} holds tables of another program: {', '.join(others[:3])}",
            hint="name an empty database or a new file",
        )
    if current != scripts.get_current_head():
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    return config
