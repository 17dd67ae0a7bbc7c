"""What a benchmark prints: a table, and a last line of JSON for machines."""

import json
from statistics import median

Rows = dict[str, dict[str, list[float]]]


def print_rows(title: str, rows: Rows) -> None:
    """Print min, median and max of each figure of each contestant."""
    print(f"\n{title}")
    print(f"{'':24}{'figure':>16}{'min':>12}{'median':>12}{'max':>12}{'runs':>6}")
    for name, figures in rows.items():
        for figure, values in figures.items():
            if not values:
                continue
            low, middle, high = min(values), median(values), max(values)
            line = f"{name:24}{figure:>16}{low:12.2f}{middle:12.2f}{high:12.2f}{len(values):6}"
            print(line)


def show(title: str, rows: Rows, ratios: dict[str, float]) -> None:
    """Print the figures of each contestant, then the ratios."""
    print_rows(title, rows)
    print(json.dumps({key: round(value, 3) for key, value in ratios.items()}), flush=True)
