"""The reference of the command line, made from the tree of commands: `make docs`."""

from collections.abc import Iterator, Sequence
from inspect import Parameter, cleandoc

from cyclopts import App, Group
from cyclopts.argument import Argument

from anypool.cli.failures import EXIT_MEANINGS
from anypool.cli.main import tree
from anypool.cli.terminal import out

_HEAD = """\
Every command is `anypool NOUN VERB`. Most speak to a manager over HTTP; those without the
options below (`serve`, `demo`, `lab`, `simulate`, `restore` and others) work on this machine, or
over SSH.

Which manager that is a *context* says: `anypool login LINK` makes one, and keeps it with an API
token in `~/.config/anypool/contexts.json` (`$ANYPOOL_CONFIG`), which only its owner can read.
`$ANYPOOL_CONTEXT` names another one; `$ANYPOOL_URL` with `$ANYPOOL_TOKEN` needs no file.

Results go to standard output, everything else to standard error. `--filter` takes the
[search grammar](search.md)."""

_OF_ALL = tree().default_parameter
_SHARED = ("Everywhere", "How it is done", "Which")
_SHARED_TITLES = {
    "Everywhere": "Options of every command that speaks to a manager",
    "How it is done": "Options of every deed",
    "Which": "Options of every list",
}


def page() -> str:
    """Return the page in Markdown."""
    commands = list(_commands(tree(), ()))
    lines = ["# Command line", "", _HEAD, "", *_shared(commands), *_exit_codes()]
    for words, app in commands:
        if len(words) == 1:
            lines += [f"## anypool {words[0]}", ""]
        lines += _command(words, app)
    return "\n".join(lines).rstrip("\n") + "\n"


def _commands(app: App, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], App]]:
    for name in app.resolved_commands():
        if not name.startswith("-"):
            path = (*words, name)
            yield path, app[name]
            yield from _commands(app[name], path)


def _shared(commands: Sequence[tuple[tuple[str, ...], App]]) -> Iterator[str]:
    found: dict[str, dict[str, str]] = {name: {} for name in _SHARED}
    for _, app in commands:
        for argument in _arguments(app):
            if (group := _group(argument)) in found:
                found[group].setdefault(argument.name, _row(argument))
    for group, rows in found.items():
        yield from (f"## {_SHARED_TITLES[group]}", "", *_table(list(rows.values())))


def _exit_codes() -> list[str]:
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_MEANINGS.items()]
    return ["## Exit codes", "", "| code | meaning |", "|---|---|", *rows, ""]


def _command(words: tuple[str, ...], app: App) -> list[str]:
    text = cleandoc(str(app.help or ""))
    if app.default_command is None:
        return [text, ""] if len(words) == 1 else []
    arguments = _arguments(app)
    shown = [argument for argument in arguments if _group(argument) not in _SHARED]
    title = [f"### anypool {' '.join(words)}", ""] if len(words) > 1 else []
    usage = ["```console", f"anypool {' '.join(words)}{_usage(arguments)}", "```", ""]
    return [*title, text, "", *usage, *_table([_row(one) for one in shown if _told(one)])]


def _arguments(app: App) -> list[Argument]:
    if app.default_command is None:
        return []
    # taken alone, a command does not know what the root says of all parameters
    found = app.assemble_argument_collection(default_parameter=_OF_ALL)
    return [argument for argument in found if argument.name != "*"]


def _usage(arguments: Sequence[Argument]) -> str:
    words = []
    for argument in arguments:
        if argument.index is not None:
            name = argument.name.lstrip("-").upper()
            many = "..." if argument.is_var_positional() else ""
            words.append(f"{name}{many}" if argument.required else f"[{name}{many}]")
        elif argument.required:
            words.append(f"{argument.name} {argument.name.lstrip('-').upper()}")
    options = any(argument.index is None and not argument.required for argument in arguments)
    return "".join(f" {word}" for word in [*words, *(["[OPTIONS]"] if options else [])])


def _told(argument: Argument) -> bool:
    return argument.index is None or bool(argument.parameter.help)


def _table(rows: list[str]) -> list[str]:
    return ["| option | meaning |", "|---|---|", *rows, ""] if rows else []


def _row(argument: Argument) -> str:
    spelled = ", ".join(f"`{name}`" for name in argument.names)
    words = [argument.parameter.help or ""]
    if choices := argument.get_choices():
        words.append(f"one of {', '.join(f'`{choice}`' for choice in choices)}")
    default = argument.field_info.default
    if not argument.required and default not in (None, "", (), False, 0, Parameter.empty):
        words.append(f"default `{default}`")
    return f"| {spelled} | {'; '.join(word for word in words if word)} |"


def _group(argument: Argument) -> str:
    found = argument.parameter.group
    groups = found if isinstance(found, tuple) else ()
    return next((group.name for group in groups if isinstance(group, Group)), "")


if __name__ == "__main__":
    out().print(page(), end="", markup=False)
