"""A boot host without programs: tgtd is a model that tgtadm's words are told."""

from pathlib import Path
from typing import Any

from anypool.boothost.dhcp import Dhcp
from anypool.boothost.keeping import BootHost
from anypool.boothost.tgt import Tgt
from anypool.boothost.values import Entry, Refused, Site, entry_of

SITE = Site(interface="lan0", address="10.0.0.5", copies=1)
PORTAL = {"address": "10.0.0.5"}


class Tgtd(Tgt):
    """tgtd: it lets in who is on its list by name or address and knows the password of an account.

    It prints what it has. `beside` counts rights that were given while somebody else was in.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self.targets: dict[str, dict[str, Any]] = {}
        self.accounts: dict[str, str] = {}
        self.silent = False
        self.sticky = False
        self.most_in = self.logins = self.beside = 0

    def login(self, iqn: str, initiator: str, address: str, password: str) -> bool:
        """Log in; return whether that was allowed."""
        one = next((t for t in self.targets.values() if t["iqn"] == iqn), None)
        if one is None or not {initiator, address} & one["acl"]:
            return False
        if one["users"] and password not in [self.accounts[who] for who in one["users"]]:
            return False
        self.logins += 1
        one["sessions"][self.logins] = (initiator, address)
        self.most_in = max(self.most_in, len({who for who, _ in one["sessions"].values()}))
        return True

    def _ask(self, operation: str, mode: str, *words: str) -> str:
        if self.silent:
            raise Refused("tgtd does not answer", kind="silent")
        said = dict(zip(words[::2], words[1::2], strict=False))
        if operation == "show":
            return "".join(self._shown(tid, one) for tid, one in sorted(self.targets.items()))
        self._change(operation, mode, said)
        return ""

    def _change(self, operation: str, mode: str, said: dict[str, str]) -> None:
        tid, user = said.get("--tid", ""), said.get("--user", "")
        one = self.targets.get(tid, {})
        who = said.get("-I") or said.get("-Q", "")
        if mode == "account":
            self._change_account(operation, user, said.get("--password", ""), one)
            return
        match (operation, mode):
            case ("new", "target"):
                assert said["-T"] not in [one["iqn"] for one in self.targets.values()]
                self.targets[tid] = {"iqn": said["-T"], "luns": {}, "acl": set(), "sessions": {}}
                self.targets[tid]["users"] = set()
            case ("delete", "target"):
                del self.targets[tid]
            case ("new", "logicalunit"):
                one["luns"][said["--lun"]] = said["-b"]
            case ("delete", "logicalunit"):
                assert self.sticky or not one["sessions"], "a disk goes that is in use"
                del one["luns"][said["--lun"]]
            case ("delete", "conn") if not self.sticky:
                one["sessions"].pop(int(said["--sid"]))
            case ("bind", "target"):
                self.beside += bool(one["sessions"]) or not one["users"]
                one["acl"].add(who)
            case ("unbind", "target"):
                one["acl"].remove(who)
            case _:
                assert self.sticky, (operation, mode)

    def _change_account(
        self, operation: str, user: str, password: str, one: dict[str, Any]
    ) -> None:
        match operation:
            case "new":
                assert user not in self.accounts
                self.accounts[user] = password
            case "delete":
                if self.accounts.pop(user, None) is None:
                    raise Refused("can't find the account", kind="silent")
            case "bind":
                one["users"].add(user)
            case "unbind":
                one["users"].remove(user)
            case _:
                raise AssertionError(operation)

    def _shown(self, tid: str, one: dict[str, Any]) -> str:
        lines = [f"Target {tid}: {one['iqn']}", "    System information:", "        State: ready"]
        lines.append("    I_T nexus information:")
        for number, (initiator, address) in one["sessions"].items():
            lines += [f"        I_T nexus: {number}"]
            lines += [f"            Initiator: {initiator} alias: none"]
            lines += ["            Connection: 0", f"                IP Address: {address}"]
        lines += ["    LUN information:", "        LUN: 0", "            Backing store path: None"]
        for lun, path in one["luns"].items():
            lines += [f"        LUN: {lun}", f"            Backing store path: {path}"]
        lines += ["    Account information:", *(f"        {who}" for who in one["users"])]
        lines += ["    ACL information:"]
        return "\n".join([*lines, *(f"        {who}" for who in sorted(one["acl"])), ""])


class Quiet(Dhcp):
    """dnsmasq that needs no process."""

    def __init__(self, folder: str) -> None:
        super().__init__(SITE, folder)
        self.fails = False

    @property
    def pid(self) -> int:
        return 1 if self.starts else 0

    def _start(self) -> None:
        if self.fails:
            raise Refused("dnsmasq does not start", kind="silent")
        self.starts += 1

    def stop(self) -> None:
        pass


class Made:
    """A boot host with two images, `web` and `ram`, and what it is made of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tgtd = Tgtd()
        self.dhcp = Quiet(str(folder))
        self.host = self.again()
        self.add("web", b"1")
        (folder / "import/kernel").write_bytes(b"k")
        self.host.images.add("ram", {"kernel": "kernel"}, "quiet name={name}")

    def add(self, name: str, content: bytes) -> int:
        """Make another version of an image; its files leave the import folder."""
        file = self.folder / "import/disk"
        file.write_bytes(content * 4096)
        version = self.host.images.add(name, {"disk.raw": "disk"}, "")
        assert not file.exists()
        return version

    def again(self) -> BootHost:
        """The program, started anew."""
        self.host = BootHost(SITE, str(self.folder), lambda: 100.0, (self.dhcp, self.tgtd))
        return self.host

    def enter(self, entry: Entry) -> None:
        """Enter it, and wait until its disk is made and exported."""
        self.host.enter(entry)
        self.host.images._crew.submit(int).result(10)
        self.host.make()

    def secret(self, profile: str = "p1") -> str:
        """What the target of a profile asks for now."""
        return self.host._secrets[profile]

    def login(self, initiator: str, address: str, password: str = "") -> bool:
        """Log in to the first profile's target; without a password with the one it asks for."""
        return self.tgtd.login("iqn.2026-11.y:db1", initiator, address, password or self.secret())

    def disk(self, iqn: str) -> str:
        """The file behind a target."""
        one = next(one for one in self.tgtd.targets.values() if one["iqn"] == iqn)
        return "".join(one["luns"].values())


def raw(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An entry as it is told."""
    found = {
        "profile": f"p{number}",
        "epoch": 1,
        "server": f"s{number}",
        "name": f"db{number}",
        "macs": [f"02:00:00:00:00:0{number}"],
        "ip": f"10.0.0.2{number}",
        "initiator": f"iqn.2026-11.x:db{number}",
        "targets": [{"iqn": f"iqn.2026-11.y:db{number}", **PORTAL}],
        "image": "web",
    }
    return found | changes


def entry(number: int = 1, **changes: Any) -> Entry:
    """An entry, checked."""
    return entry_of(raw(number, **changes))
