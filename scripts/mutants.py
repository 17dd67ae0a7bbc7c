"""Which mistake in planners and judges does which scenario see? `make mutants` asks them all.

Every mutant is put into the running program, scenarios that reach its line are played, and
what comes out is compared with what came out before. A scenario counts only if it sees a
mistake that no other scenario sees; so a mutant is left as soon as two have seen it, unless
`--all` asks for everyone who does. The names of modules, or how they begin, such as
`anypool.planner.ha`, ask for those alone; then the page is left as it is.
"""

import multiprocessing
import signal
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anypool.cli.simulate import read, scenarios
from anypool.scenario.event import read_events
from anypool.scenario.page import Item, parse_page
from anypool.scenario.play import play
from anypool.scenario.pool import read_pool
from anypool.scenario.told import outcome_text, plan_text
from scripts.mutating import Mutant
from scripts.planted import file_of, mutants_in, put_in

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "scenarios"
PAGE = ROOT / "docs" / "reference" / "mutants.md"
MODULES = (
    "anypool.planner.place",
    "anypool.planner.sieve",
    "anypool.planner.contest",
    "anypool.planner.evacuate",
    "anypool.planner.operate",
    "anypool.planner.serve",
    "anypool.planner.leave",
    "anypool.planner.pack",
    "anypool.planner.rebalance.demand",
    "anypool.planner.rebalance.numbers",
    "anypool.planner.rebalance.search",
    "anypool.planner.rebalance.steps",
    "anypool.planner.rebalance.suits",
    "anypool.planner.failover.failure",
    "anypool.planner.failover.ground",
    "anypool.planner.failover.order",
    "anypool.planner.failover.recover",
    "anypool.planner.failover.recovery",
    "anypool.planner.failover.seek",
    "anypool.planner.failover.spare",
    "anypool.planner.rules.bind",
    "anypool.planner.rules.conflict",
    "anypool.planner.rules.needs",
    "anypool.planner.rules.rulebook",
    "anypool.planner.saving.order",
    "anypool.planner.saving.save",
    "anypool.planner.saving.prove",
    "anypool.planner.rolling.group",
    "anypool.planner.rolling.wave",
    "anypool.planner.ha.again",
    "anypool.planner.ha.brake",
    "anypool.planner.ha.decide",
    "anypool.planner.ha.deeds",
    "anypool.planner.ha.detect",
    "anypool.planner.ha.life",
    "anypool.planner.ha.mend",
    "anypool.planner.ha.protect",
    "anypool.plan.check",
    "anypool.plan.rulecheck",
    "anypool.plan.effect",
    "anypool.plan.validity",
)
DEADLINE_S = 1.0
"""Processor time for one scenario, which takes a few milliseconds."""
ENOUGH = 2
WORKERS = 2

Pages = tuple[str, Item, Item]
Seen = dict[str, frozenset[str]]
"""The scenarios that see each mutant, by the mutant's name."""


class _Endless(BaseException):
    """A mutant that runs on and on; no `except` of the product may catch it."""


def main() -> int:
    """Play everything, print who sees what, write the page; return 0."""
    most = len(scenarios(FOLDER)) if "--all" in sys.argv[1:] else ENOUGH
    pages = [_pages(folder) for folder in scenarios(FOLDER)]
    asked = tuple(word for word in sys.argv[1:] if not word.startswith("-"))
    found = [one for one in mutants_in(MODULES) if not asked or one.module.startswith(asked)]
    reached = {name: _reached((name, pool, events)) for name, pool, events in pages}
    seen = _matrix(found, pages, reached, most)
    sole = _sole(seen)
    for mutant in found:
        who = sorted(seen[mutant.name])
        more = " and more" if 1 < len(who) == most else ""
        print(f"{len(who):4} {mutant.name}  {' '.join(who)}{more}", flush=True)
    if not asked:
        PAGE.write_text(_page(found, seen, sole, [name for name, _, _ in pages]), encoding="utf-8")
    killed = sum(bool(seen[one.name]) for one in found)
    print(f"{len(found)} mutants, {killed} seen; {len(sole)} of {len(pages)} scenarios count")
    return 0


def _pages(folder: Path) -> Pages:
    files = read(folder)
    pool = parse_page(f"{folder.name}/pool.yaml", files["pool.yaml"])
    return folder.name, pool, parse_page(f"{folder.name}/events.yaml", files["events.yaml"])


def _played(pages: Pages) -> str:
    """Return everything a scenario says; what breaks says so too."""
    _, pool, events = pages
    try:
        played = play(read_pool(pool), read_events(events))
        return plan_text(played) + outcome_text(played)
    except Exception as error:  # noqa: BLE001 - a mutant may break anything
        return f"{type(error).__name__}: {error}"


def _reached(pages: Pages) -> dict[str, set[int]]:
    """Return the lines of each module that a scenario runs through."""
    files = {str(file_of(name)): name for name in MODULES}
    lines: dict[str, set[int]] = defaultdict(set)

    def trace(frame: Any, event: str, _: Any) -> Any:
        name = files.get(frame.f_code.co_filename)
        if name is None:
            return None
        lines[name].add(frame.f_lineno)
        return trace

    sys.settrace(trace)
    try:
        _played(pages)
    finally:
        sys.settrace(None)
    return dict(lines)


def _matrix(
    found: list[Mutant], pages: list[Pages], reached: dict[str, dict[str, set[int]]], most: int
) -> Seen:
    global _work
    usual = {one[0]: _played(one) for one in pages}
    _work = _Work(found=found, pages=pages, reached=reached, usual=usual, most=most)
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        return dict(pool.imap_unordered(_judged, range(len(found)), chunksize=4))


@dataclass(frozen=True)
class _Work:
    """What workers know from their parent: everything, and what came out without a mistake."""

    found: list[Mutant]
    pages: list[Pages]
    reached: dict[str, dict[str, set[int]]]
    usual: dict[str, str]
    most: int


_work: _Work


def _judged(number: int) -> tuple[str, frozenset[str]]:
    """Return a mutant's name with the scenarios that see it, at most so many as are asked for."""
    mutant, seen = _work.found[number], set[str]()
    with put_in(mutant):
        for pages in _work.pages:
            name = pages[0]
            if _concerns(mutant, _work.reached[name]) and _timed(pages) != _work.usual[name]:
                seen.add(name)
            if len(seen) >= _work.most:
                break
    return mutant.name, frozenset(seen)


def _concerns(mutant: Mutant, lines: dict[str, set[int]]) -> bool:
    return not mutant.lines or bool(lines.get(mutant.module, set()) & set(mutant.lines))


def _timed(pages: Pages) -> str:
    def ring(*_: object) -> None:
        raise _Endless

    signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, DEADLINE_S)
    try:
        return _played(pages)
    except _Endless:
        return "endless"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _sole(seen: Seen) -> dict[str, list[str]]:
    """Return, by scenario, the mutants that no other scenario sees."""
    found: dict[str, list[str]] = defaultdict(list)
    for mutant, who in sorted(seen.items()):
        if len(who) == 1:
            found[next(iter(who))].append(mutant)
    return dict(found)


_HEAD = """<!-- Made by `make mutants`; do not edit. -->

# What the scenarios see

`make mutants` makes small mistakes in planners and judges, one at a time: a comparison turned \
round or moved by one, a filter, a sort key, a condition or a step left out, a constant changed. \
It plays the [scenarios](scenarios.md) against each. A scenario **counts** if it sees a mistake \
that no other scenario sees; one that does not count is kept where it tells something to people.

Not every mistake can be seen: some change nothing that anybody could notice (a bound on a \
search that is never reached, the order of what is sorted afterwards). Nobody has sorted those \
out, so what is unseen is an upper bound of what is untested here. Other tests see more: \
`planner.sieve` only serves pools larger than these; \
`tests/unit/test_planner_place.py` compares it with one host after the other.
"""


def _page(found: list[Mutant], seen: Seen, sole: dict[str, list[str]], names: list[str]) -> str:
    killed = sum(bool(seen[one.name]) for one in found)
    lines = [_HEAD]
    lines.append(
        f"**{len(sole)} of {len(names)} scenarios count.** "
        f"Of {len(found)} mistakes {killed} are seen, {len(found) - killed} are not.\n"
    )
    lines += ["| module | mistakes | seen |", "|---|---|---|"]
    for module in MODULES:
        some = [one for one in found if one.module == module]
        short = module.removeprefix("anypool.")
        lines.append(f"| `{short}` | {len(some)} | {sum(bool(seen[m.name]) for m in some)} |")
    lines += ["\n## Scenarios that count\n", "| scenario | alone sees | such as |", "|---|---|---|"]
    for name in names:
        if name in sole:
            lines.append(f"| {name} | {len(sole[name])} | `{_cell(sole[name][0])}` |")
    others = [name for name in names if name not in sole]
    lines += ["\n## Scenarios that do not count\n", ", ".join(others) or "None.", ""]
    lines += ["## Mistakes that no scenario sees\n"]
    lines += [f"* `{_cell(one.name)}`" for one in found if not seen[one.name]]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


if __name__ == "__main__":
    sys.exit(main())
