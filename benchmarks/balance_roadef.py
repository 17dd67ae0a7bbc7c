"""Machine reassignment against published results: cost, gap to the bound, and who is ahead.

`make bench NAME="balance_roadef FOLDER --judge PROGRAM"`: FOLDER has `model_X.txt` and
`assignment_X.txt` for each instance X. PROGRAM MODEL INITIAL SOLUTION prints `feasible=`,
`cost=`, `lower_bound=` and `gap_percent=`; without one, our own checker judges. With `--cpu`,
the seconds are CPU time of each core instead of wall time: what else the machine does then
changes how long it takes and not how much is searched.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

TEAM_S41 = {
    "a1_1": 44306501,
    "a1_2": 777912030,
    "a1_3": 583006422,
    "a1_4": 262125116,
    "a1_5": 727578310,
    "a2_1": 329,
    "a2_2": 746097632,
    "a2_3": 1210644572,
    "a2_4": 1680615349,
    "a2_5": 318358949,
    "b_01": 3353533859,
    "b_02": 1015569276,
    "b_03": 157091678,
    "b_04": 4677962661,
}
"""Costs after 300 s on an i7-920 of the team that won the challenge."""

_JUDGED = re.compile(r"feasible=(\w+) cost=(\d+) lower_bound=(\d+) gap_percent=(\S+)")


@dataclass(frozen=True)
class Judged:
    """What the judge says of one assignment."""

    feasible: bool
    cost: int
    bound: int
    gap_percent: float


def run() -> None:
    """Solve instance after instance, print each as it is there, and sum up."""
    asked = _asked()
    names = asked.instances or sorted(
        path.stem.removeprefix("model_") for path in asked.folder.glob("model_*.txt")
    )
    if not names:
        raise SystemExit(f"there is no model_*.txt in {asked.folder}")
    kind = "s of CPU time on each of" if asked.cpu else "s on"
    print(f"{asked.seconds:.0f} {kind} {asked.cores} cores, seed {asked.seed}\n")
    print(
        f"{'instance':10}{'cost':>14}{'S41':>14}{'to S41 %':>10}{'gap %':>12}"
        f"{'wall s':>8}{'CPU s':>8}"
    )
    found: dict[str, Judged] = {}
    for name in names:
        begin, used = time.monotonic(), _children()
        found[name] = one = _solve(name, asked)
        theirs = TEAM_S41.get(name)
        apart = f"{100 * (one.cost / theirs - 1):10.3f}" if theirs else f"{'':10}"
        verdict = "" if one.feasible else "  NOT ALLOWED"
        print(
            f"{name:10}{one.cost:14}{theirs or '':>14}{apart}{one.gap_percent:12.4f}"
            f"{time.monotonic() - begin:8.1f}{_children() - used:8.1f}{verdict}",
            flush=True,
        )
    print(json.dumps(_summary(found)), flush=True)


def _children() -> float:
    """Return the CPU seconds of what was started here and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _summary(found: dict[str, Judged]) -> dict[str, object]:
    known = {name: one for name, one in found.items() if name in TEAM_S41}
    good = {name: one for name, one in known.items() if one.feasible}
    return {
        "feasible": sum(one.feasible for one in found.values()),
        "of": len(found),
        "at_or_below_s41": sum(one.cost <= TEAM_S41[name] for name, one in good.items()),
        "within_half_percent_of_s41": sum(
            one.cost <= 1.005 * TEAM_S41[name] for name, one in good.items()
        ),
        "of_s41": len(known),
        "gap_percent": {name: round(one.gap_percent, 4) for name, one in found.items()},
    }


def _solve(name: str, asked: argparse.Namespace) -> Judged:
    model = asked.folder / f"model_{name}.txt"
    assignment = asked.folder / f"assignment_{name}.txt"
    with TemporaryDirectory(prefix="anypool-bench-") as folder:
        solution = Path(folder) / "solution.txt"
        words = ["plan", "balance", str(model), str(assignment), "--from", "roadef"]
        words += ["--seconds", str(asked.seconds), "--cores", str(asked.cores)]
        words += ["--seed", str(asked.seed), "--write", str(solution)]
        words += ["--clock", "cpu" if asked.cpu else "wall"]
        command = [str(Path(sys.executable).with_name("anypool")), *words]
        subprocess.run(
            command,
            check=True,
            timeout=asked.seconds * (100 if asked.cpu else 1) + 120,
            stdout=subprocess.DEVNULL,
            stderr=None if asked.verbose else subprocess.DEVNULL,
        )
        if asked.judge is None:
            return _own_judge(model, assignment, solution)
        return _outside_judge(asked.judge, model, assignment, solution)


def _outside_judge(judge: Path, *files: Path) -> Judged:
    answer = subprocess.run(
        [sys.executable, str(judge), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    match = _JUDGED.search(answer.stdout)
    if match is None:
        raise SystemExit(f"the judge said something unexpected:\n{answer.stdout}{answer.stderr}")
    return Judged(match[1] == "True", int(match[2]), int(match[3]), float(match[4]))


def _own_judge(model: Path, assignment: Path, solution: Path) -> Judged:
    from anypool.exchange.roadef import read, read_assignment
    from anypool.planner.reassign import cost, lower_bound, objections

    problem = read(model.read_text(), assignment.read_text())
    where = read_assignment(solution.read_text(), problem.machines, problem.processes)
    paid, bound = cost(problem, where), lower_bound(problem)
    gap = 100 * (paid - bound) / max(bound, 1)
    return Judged(not objections(problem, where), paid, bound, gap)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="balance_roadef", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--instances", nargs="+", default=[])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", action="store_true", help="seconds of CPU time of each core")
    parser.add_argument("--verbose", action="store_true", help="show the cost over time")
    return parser.parse_args(sys.argv[2:])
