"""Balancing against hbal on its own score, judged by hbal: score, moves, time."""

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from anypool.exchange.advice import Advice, balance_htools
from benchmarks.clusters import cluster
from benchmarks.peers import ensure, timed
from benchmarks.table import Rows, show

SEEDS_20 = (1, 2, 3, 4, 5)
SEEDS_100 = (1, 2)
VMS_PER_HOST = 15
OURS_RUNS = 5
HBAL_LIMIT_S = {20: 300.0, 100: 300.0}
"""hbal is ended after this time; at 100 nodes it needs hours, so its run there is cut off."""

QUICK = "--quick" in sys.argv
_IMPROVED = re.compile(r"Cluster score improved from \S+ to (\S+)")
_LENGTH = re.compile(r"Solution length=(\d+)")
_INITIAL = re.compile(r"Initial score: (\S+)")
_MOVE = re.compile(r"^\s*\d+\. \S+ .*\s(\d+\.\d+) a=", re.MULTILINE)


def run() -> None:
    """Run all sizes and print the figures."""
    ensure("hbal")
    rows: Rows = {"anypool 20": {}, "hbal 20": {}, "anypool 100": {}, "anypool 1000": {}}
    with TemporaryDirectory(prefix="anypool-bench-") as folder:
        beside, moves = _with_hbal(Path(folder), rows)
        cut = _cut_off(Path(folder), rows)
    _alone(1000, (1,), rows)
    print(f"\nhbal at 100 nodes: {cut}")
    print("our moves until hbal's final score, and hbal's:", *moves, sep="\n  ")
    show(
        f"balancing {VMS_PER_HOST} VMs a host, skewed by 1.5; score by hbal",
        rows,
        {
            **beside,
            "speed_100_s": median(rows["anypool 100"]["wall s"]),
            "speed_1000_s": median(rows["anypool 1000"]["wall s"]),
        },
    )


def _with_hbal(folder: Path, rows: Rows) -> tuple[dict[str, float], list[str]]:
    """Return the largest excess of our score over hbal's and the speed-up; and moves in words.

    There are no figures where hbal finished on no cluster in time.
    """
    worst, words, speeds = -1.0, [], []
    for seed in SEEDS_20[: 1 if QUICK else None]:
        text = cluster(20, VMS_PER_HOST, seed)
        advice, ours_s = _best_of(lambda text=text: balance_htools(text))
        file = folder / f"20-{seed}.txt"
        file.write_text(text)
        answer = timed(["hbal", "-t", str(file)], HBAL_LIMIT_S[20])
        if answer is None:
            words.append(f"seed {seed}: hbal did not finish in {HBAL_LIMIT_S[20]:.0f} s")
            continue
        theirs = float(_found(_IMPROVED, answer[0]))
        judged = _judged(folder, advice)
        worst = max(worst, judged - theirs)
        speeds.append(answer[1] / ours_s)
        _note(rows, "anypool 20", {"wall s": ours_s, "score": judged, "moves": len(advice.moves)})
        count = int(_found(_LENGTH, answer[0]))
        _note(rows, "hbal 20", {"wall s": answer[1], "score": theirs, "moves": count})
        words.append(f"seed {seed}: {_until(advice, theirs)} and {count}")
    if not speeds:
        return {}, words
    return {"score_worse": worst, "speed_20": median(speeds)}, words


def _cut_off(folder: Path, rows: Rows) -> str:
    """Run 100 nodes; return how far hbal came in its time, against us after as many moves."""
    _alone(100, SEEDS_100, rows)
    if QUICK:
        return "not run"
    text = cluster(100, VMS_PER_HOST, SEEDS_100[0])
    (folder / "100.txt").write_text(text)
    limit = HBAL_LIMIT_S[100]
    argv = ["timeout", str(limit), "stdbuf", "-oL", "hbal", "-t", str(folder / "100.txt")]
    output = folder / "100.out"
    timed(["sh", "-c", f"{' '.join(argv)} > {output} || true"], limit + 60)
    scores = [float(score) for score in _MOVE.findall(output.read_text())]
    if not scores:
        return f"no move in {limit:.0f} s"
    ours = balance_htools(text).moves[len(scores) - 1].score
    return (
        f"cut off after {limit:.0f} s with {len(scores)} moves, "
        f"score {scores[-1]:.4f}; ours after as many {ours:.4f}"
    )


def _alone(hosts: int, seeds: tuple[int, ...], rows: Rows) -> None:
    for seed in seeds:
        text = cluster(hosts, VMS_PER_HOST, seed)
        advice, ours_s = _best_of(lambda text=text: balance_htools(text))
        figures = {"wall s": ours_s, "score": advice.after, "moves": len(advice.moves)}
        if not advice.complete:
            raise SystemExit(f"no local optimum at {hosts} hosts")
        if balance_htools(advice.text).moves:
            raise SystemExit(f"a second run at {hosts} hosts still moves VMs")
        _note(rows, f"anypool {hosts}", figures)


def _best_of(act: Callable[[], Advice]) -> tuple[Advice, float]:
    """Return the advice and the median duration of some runs, reading and writing included."""
    durations = []
    for _ in range(OURS_RUNS):
        begin = time.perf_counter()
        advice = act()
        durations.append(time.perf_counter() - begin)
        if durations[-1] > 10:
            break
    return advice, median(durations)


def _judged(folder: Path, advice: Advice) -> float:
    file = folder / "moved.txt"
    file.write_text(advice.text)
    answer = timed(["hbal", "-t", str(file), "-l", "0"], 120)
    if answer is None:
        raise SystemExit("hbal does not answer")
    return float(_found(_INITIAL, answer[0]))


def _until(advice: Advice, score: float) -> int:
    """Return how many of our moves lead to a score that is as good, as hbal prints it."""
    for move in advice.moves:
        if round(move.score, 8) <= score:
            return move.number
    raise SystemExit(f"the score {score} was never reached")


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    if match is None:
        raise SystemExit(f"hbal said something unexpected:\n{text[:2000]}")
    return match[1]


def _note(rows: Rows, name: str, figures: dict[str, float]) -> None:
    for figure, value in figures.items():
        rows[name].setdefault(figure, []).append(value)
