"""What tgtd exports, and what is to be done so that it exports what it should.

A target is open to who knows its secret, at one address: tgtd lets in whoever has a name *or* an
address of its list, so the list has the address alone, and the name is looked at afterwards. Who
may not be logged in is put out before anybody else is let in, and nobody is let in while somebody
else is still there.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from anypool.boothost.render import Export
from anypool.boothost.values import Refused

_SILENCE_S = 15.0
_LLD = ("--lld", "iscsi")
_TARGET = re.compile(r"Target (\d+): (\S+)")
_LUN = re.compile(r"\s+LUN: (\d+)")
_PATH = re.compile(r"\s+Backing store path: (\S+)")
_NEXUS = re.compile(r"\s+I_T nexus: (\d+)")
_INITIATOR = re.compile(r"\s+Initiator: (\S+)")
_CONNECTION = re.compile(r"\s+Connection: (\d+)")
_PEER = re.compile(r"\s+IP Address: (\S+)")

Order = tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """Somebody who is logged in; `connection` is -1 where there is none any more."""

    nexus: int
    initiator: str
    connection: int = -1
    address: str = ""


@dataclass(frozen=True)
class Exported:
    """A target as tgtd has it: files by LUN, whom it lets in, who is logged in."""

    number: int
    iqn: str
    disks: tuple[tuple[int, str], ...] = ()
    allowed: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    sessions: tuple[Session, ...] = ()


def parsed(text: str) -> tuple[Exported, ...]:
    """Return what `tgtadm --op show --mode target` says."""
    return tuple(_one(part) for part in re.split(r"(?m)^(?=Target \d+: )", text) if part.strip())


def _one(text: str) -> Exported:
    lines = text.splitlines()
    head = _TARGET.match(lines[0])
    if head is None:
        raise Refused(f"tgtadm says {lines[0][:60]!r}", "is it another release of tgt?")
    disks: dict[int, str] = {}
    listed: dict[str, set[str]] = {"ACL information:": set(), "Account information:": set()}
    lun, section = 0, ""
    for line in lines[1:]:
        if re.match(r"    \S", line):
            section = line.strip()
        elif found := _LUN.match(line):
            lun = int(found[1])
        elif found := _PATH.match(line):
            disks[lun] = found[1]
        elif section in listed and line.strip():
            listed[section].add(line.split()[0])
    return Exported(
        number=int(head[1]),
        iqn=head[2],
        disks=tuple((key, path) for key, path in sorted(disks.items()) if path != "None"),
        allowed=frozenset(listed["ACL information:"]),
        users=frozenset(listed["Account information:"]),
        sessions=_sessions(lines),
    )


def _sessions(lines: Sequence[str]) -> tuple[Session, ...]:
    found: list[Session] = []
    nexus, initiator, connection = -1, "", -1
    for line in lines:
        if one := _NEXUS.match(line):
            nexus, connection = int(one[1]), -1
        elif one := _INITIATOR.match(line):
            initiator = one[1]
            found.append(Session(nexus, initiator))
        elif one := _CONNECTION.match(line):
            connection = int(one[1])
        elif (one := _PEER.match(line)) and found and found[-1].nexus == nexus:
            if found[-1].connection == -1:
                found.pop()
            found.append(Session(nexus, initiator, connection, one[1]))
    return tuple(found)


def is_let_in(session: Session, export: Export) -> bool:
    """Return whether somebody who is logged in is who may be."""
    return session.initiator == export.initiator and session.address in ("", export.address)


def is_as_wanted(export: Export, seen: Exported | None) -> bool:
    """Return whether a target is as it is to be, and whoever is logged in may be."""
    if seen is None:
        return False
    disks = ((export.lun, export.disk),) if export.disk else ()
    allowed = {export.address} if export.disk else set()
    let_in = all(is_let_in(one, export) for one in seen.sessions)
    known = seen.users == {export.user} or not export.disk
    return seen.disks == disks and seen.allowed == allowed and known and let_in


def shutting(wanted: Iterable[Export], seen: Iterable[Exported]) -> list[Order]:
    """Return what takes away every right, session, disk and target that is not wanted."""
    by_name = {one.iqn: one for one in wanted}
    orders: list[Order] = []
    for one in seen:
        export = by_name.get(one.iqn)
        tid = ("--tid", str(one.number))
        if export is None:
            orders += [("unbind", "target", *tid, *_who(who)) for who in sorted(one.allowed)]
            orders.append(("delete", "target", *tid, "--force"))
            orders += [("delete", "account", "--user", who) for who in sorted(one.users)]
            continue
        late = one.users != {export.user}
        may = {export.address} if export.disk and not late else set()
        orders += [("unbind", "target", *tid, *_who(who)) for who in sorted(one.allowed - may)]
        for who in sorted(one.users - {export.user}):
            orders.append(("unbind", "account", *tid, "--user", who))
            orders.append(("delete", "account", "--user", who))
        moved = [lun for lun, path in one.disks if (lun, path) != (export.lun, export.disk)]
        out = [x for x in one.sessions if moved or late or not is_let_in(x, export)]
        orders += [
            ("delete", "conn", *tid, "--sid", str(x.nexus), "--cid", str(x.connection))
            for x in out
            if x.connection >= 0
        ]
        orders += [("delete", "logicalunit", *tid, "--lun", str(lun)) for lun in moved]
    return orders


def opening(wanted: Iterable[Export], seen: Iterable[Exported]) -> list[Order]:
    """Return what makes targets that are wanted, and lets in who may; nobody beside others."""
    there = {one.iqn: one for one in seen}
    used = {one.number for one in there.values()}
    orders: list[Order] = []
    for export in wanted:
        one = there.get(export.iqn)
        if one is None:
            number = next(at for at in range(1, len(used) + 2) if at not in used)
            used.add(number)
            one = Exported(number=number, iqn=export.iqn)
            orders.append(("new", "target", "--tid", str(number), "-T", export.iqn))
        tid = ("--tid", str(one.number))
        late = export.user not in one.users
        if not export.disk or not all(is_let_in(x, export) and not late for x in one.sessions):
            continue
        if (export.lun, export.disk) not in one.disks:
            place = ("--lun", str(export.lun), "-b", export.disk, "--bstype", "rdwr")
            orders.append(("new", "logicalunit", *tid, *place))
        if late:  # before anybody is let in
            known = ("--user", export.user)
            orders.append(("renew", "account", *known, "--password", export.secret))
            orders.append(("bind", "account", *tid, *known))
        if export.address not in one.allowed:
            orders.append(("bind", "target", *tid, *_who(export.address)))
    return orders


def _who(who: str) -> tuple[str, str]:
    named = who.startswith(("iqn.", "eui."))
    return ("-Q" if named else "-I", who)


class Tgt:
    """tgtd, through tgtadm; `folder` is where its control socket lies, "" for tgt's own place."""

    def __init__(self, control: int, folder: str = "") -> None:
        self._control = str(control)
        self._environment = dict(os.environ)
        if folder:
            self._environment["TGT_IPC_SOCKET"] = f"{folder}/tgtd"

    def seen(self) -> tuple[Exported, ...]:
        """Return what tgtd exports now; raise `Refused` where it does not answer."""
        return parsed(self._ask("show", "target"))

    def make(self, wanted: Sequence[Export]) -> tuple[Exported, ...]:
        """Make everything as it is wanted, and return it as it is read back.

        Raises `Refused` where somebody who may not be logged in cannot be put out: nobody else
        is let in then.
        """
        seen = self.seen()
        if orders := shutting(wanted, seen):
            self._give(orders)
            seen = self.seen()
        if orders := opening(wanted, seen):
            self._give(orders)
            seen = self.seen()
        by_name = {one.iqn: one for one in seen}
        for export in wanted:
            if not is_as_wanted(export, by_name.get(export.iqn)):
                raise Refused(f"tgtd does not make {export.iqn} as it is to be", self._why(export))
        return seen

    def _why(self, export: Export) -> str:
        for one in self.seen():
            others = [x for x in one.sessions if not is_let_in(x, export)]
            if one.iqn == export.iqn and others:
                return f"{others[0].initiator} at {others[0].address} is still logged in"
        return "see its log"

    def _give(self, orders: Iterable[Order]) -> None:
        for operation, mode, *words in orders:
            if operation == "renew":
                operation = "new"
                with suppress(Refused):  # one of before whose secret nobody knows
                    self._ask("delete", mode, *words[:2])
            self._ask(operation, mode, *words)

    def _ask(self, operation: str, mode: str, *words: str) -> str:
        argv = ["tgtadm", "-C", self._control, *_LLD, "--op", operation, "--mode", mode, *words]
        try:
            done = subprocess.run(
                argv,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_SILENCE_S,
                check=False,
            )
        except FileNotFoundError:
            raise Refused("there is no tgtadm", "install Debian's tgt", "missing") from None
        except subprocess.TimeoutExpired:
            raise Refused("tgtd does not answer", "is it stuck? see its log", "silent") from None
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            why = said[-1] if said else f"exit status {done.returncode}"
            raise Refused(f"tgtadm {operation} {mode}: {why}", kind="silent")
        return done.stdout
