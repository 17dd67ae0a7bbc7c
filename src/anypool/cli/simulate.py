"""`anypool simulate`: play scenarios, without a manager and without a datacenter."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anypool.cli.files import text_of
from anypool.cli.terminal import clean, err, note, out
from anypool.errors import Invalid
from anypool.scenario import (
    EXPECTATIONS,
    INPUTS,
    Played,
    Result,
    happening_text,
    outcome_text,
    play_file,
    play_folder,
)

DIFFERS = 1


def simulate(
    place: Annotated[
        Path,
        Parameter(help="a scenario, a folder with scenarios, or a file with a pool"),
    ],
    /,
    *,
    event: Annotated[
        tuple[str, ...],
        Parameter(help='what happens in the pool of a file, such as "evacuate h1"; repeatable'),
    ] = (),
    update: Annotated[
        bool, Parameter(help="write what came out as the expectation, instead of comparing")
    ] = False,
) -> int:
    """Play what happens in a pool that exists only in files, and compare it with what is expected.

    The exit code is 0 if all came as expected, 1 if something differs, 2 if a file is wrong.
    A file is a `pool.yaml`, or what `anypool inventory export` wrote.
    """
    if place.is_file():
        if update:
            raise Invalid("only a folder keeps expectations", hint="leave --update out")
        _show(play_file(str(place), text_of(place), event))
        return 0
    if event:
        raise Invalid("events come with a file", hint="a folder has them in events.yaml")
    return _folders(place, update=update)


def _folders(place: Path, *, update: bool) -> int:
    folders = scenarios(place)
    results = [_played(one, update=update, alone=one == place) for one in folders]
    bad = [one.name for one, good in zip(folders, results, strict=True) if not good]
    if folders != [place]:
        told = f"; not as expected: {', '.join(bad)}" if bad else ", all as expected"
        note(f"{len(folders)} scenario{'s' * (len(folders) != 1)}{told}")
    return DIFFERS if bad else 0


def scenarios(folder: Path) -> list[Path]:
    """Return the folder itself if it is a scenario, or those in it by name; raise `Invalid`."""
    if not folder.is_dir():
        raise Invalid(f"{folder} is not there", hint=f"a scenario is a folder with {_files()}")
    if any((folder / name).exists() for name in INPUTS):
        return [folder]
    found = sorted({one.parent for name in INPUTS for one in folder.rglob(name)})
    if not found:
        raise Invalid(f"{folder} has no scenarios in it", hint=f"a scenario has {_files()}")
    return found


def read(folder: Path) -> dict[str, str]:
    """Return the texts of a scenario's files by name; raise `Invalid` for one that is no text."""
    names = (*INPUTS, *EXPECTATIONS)
    return {name: text_of(folder / name) for name in names if (folder / name).is_file()}


def _played(folder: Path, *, update: bool, alone: bool) -> bool:
    """Play a scenario and show it; return whether it is as expected now."""
    files = read(folder)
    result = play_folder(str(folder), files)
    if alone:
        _show(result.played)
    if update:
        return _update(folder, files, result)
    if result.as_expected:
        if alone:
            err().print("all as expected", markup=False)
        return True
    if not alone:
        out().print(f"{clean(folder)}: {clean(result.played.world.about)}", markup=False)
    for line in result.differences:
        out().print(clean(line), markup=False, style=_style(line))
    for name in result.missing:
        note(f"{folder} has no {name}; `anypool simulate {folder} --update` writes it")
    return False


def _show(played: Played) -> None:
    about = played.world.about
    lines = [about, ""] if about else []
    for one in played.happenings:
        lines += [*happening_text(one, played.world.inventory).splitlines(), ""]
    lines += outcome_text(played).splitlines()
    for line in lines:
        out().print(clean(line), markup=False)


def _update(folder: Path, files: dict[str, str], result: Result) -> bool:
    changed = [name for name in EXPECTATIONS if files.get(name) != result.texts[name]]
    for name in changed:
        (folder / name).write_text(result.texts[name], encoding="utf-8", newline="\n")
    if changed:
        note(f"{folder}: wrote {' and '.join(changed)}; read them before you commit them")
    return True


def _style(line: str) -> str:
    return {"+": "green", "-": "red"}.get(line[:1], "")


def _files() -> str:
    return " and ".join(INPUTS)
