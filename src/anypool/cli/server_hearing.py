"""`anypool server traps` and `subscriptions`: what BMCs tell by themselves."""

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
SUBSCRIPTIONS = (
    Column("ENDPOINT", lambda one: one["endpoint"]),
    Column("SUBSCRIPTION", lambda one: one["path"] or "-"),
    Column("RECEIVED", lambda one: one["received"]),
    Column("LAST", lambda one: moment(one["last_at"]) if one["last_at"] else "-"),
    Column("MESSAGE", lambda one: one["message"]),
    Column("MADE", lambda one: one["made"], wide=True),
    Column("LEFT OVER", lambda one: one["left_over"], wide=True),
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


def subscriptions(*, where: Where = HERE) -> None:
    """Show which BMCs push their events to this manager, and why others do not."""
    with connected(where) as client:
        found = client.get("/event-subscriptions")
        show_list(found["items"], SUBSCRIPTIONS, where.output)
    if not found["url"]:
        note("no BMC is asked to push; the setting bmc_push_url says where to")


COMMANDS = (traps, subscriptions)
