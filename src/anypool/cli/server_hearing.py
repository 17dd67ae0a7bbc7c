"""`anypool server traps`: what BMCs tell by themselves."""

from anypool.cli.connection import HERE, Where, connected
from anypool.cli.output import Column, show_list
from anypool.cli.terminal import note
from anypool.cli.words import moment

TRAPS = (
    Column("ADDRESS", lambda one: one["address"]),
    Column("WHOSE", lambda one: one["name"] or "UNKNOWN"),
    Column("RECEIVED", lambda one: one["received"]),
    Column("LAST", lambda one: moment(one["last_at"])),
    Column("SAID", lambda one: one["why"] or one["last"]),
    Column("REPEATED", lambda one: one["repeated"], wide=True),
    Column("UNWRITTEN", lambda one: one["unwritten"], wide=True),
    Column("REFUSED", lambda one: one["refused"], wide=True),
    Column("DROPPED", lambda one: one["dropped"], wide=True),
)


def traps(*, where: Where = HERE) -> None:
    """Show from where SNMP traps came, known or not, and what the last one said."""
    with connected(where) as client:
        found = client.get("/traps")
        show_list(found["items"], TRAPS, where.output)
    if found["problem"]:
        note(f"no traps are heard: {found['problem']}")
    elif not found["listen"]:
        note("no traps are listened for; the setting snmp_trap_listen says where they are taken")


COMMANDS = (traps,)
