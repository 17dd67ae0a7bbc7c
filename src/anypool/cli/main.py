"""The entry point: the tree of commands, and errors in one line with an exit code."""

import os
import sys
from collections.abc import Sequence

import cyclopts
import httpx
from cyclopts import App, Parameter

from anypool import __version__
from anypool.cli.commands import COMMANDS, GROUPS
from anypool.cli.failures import exit_code, show
from anypool.cli.terminal import err
from anypool.errors import AnypoolError, Invalid

USAGE = 2
INTERRUPTED = 130


def tree() -> App:
    """Return the tree of all commands."""
    app = App(
        name="anypool",
        help="Physical and virtual servers, under any hypervisor, as one pool.",
        version=__version__,
        default_parameter=Parameter(negative="", show_default=_told),
        suppress_keyboard_interrupt=False,
        exit_on_error=False,
        print_error=False,
        help_on_error=False,
        result_action="return_value",
    )
    for group, commands in COMMANDS.items():
        for name, (place, help_) in commands.items():
            app.command(f"anypool.cli.{place}", name=name, help=help_, group=GROUPS[group])
    return app


def run(words: Sequence[str]) -> int:
    """Carry one command out and return its exit code; errors are printed, never raised."""
    try:
        result = tree()(list(words))
        sys.stdout.flush()
    except AnypoolError as error:
        show(error)
        return exit_code(error)
    except cyclopts.CycloptsError as error:
        show(_usage(error))
        return USAGE
    except (KeyboardInterrupt, BrokenPipeError) as stop:
        return _stopped(stop)
    except httpx.InvalidURL as error:
        show(Invalid(f"not an address: {error}", hint="such as https://h1:8420"))
        return USAGE
    except OSError as error:
        show(AnypoolError(str(error), hint="`anypool doctor` looks at this machine"))
        return 1
    return result if isinstance(result, int) else 0


def main() -> None:
    """Run the command of this process."""
    sys.exit(run(sys.argv[1:]))


def _told(default: object) -> str | None:
    """Return a default as help shows it, None for what is empty or off."""
    return str(default) if default not in (None, "", (), False, 0) else None


def _usage(error: cyclopts.CycloptsError) -> Invalid:
    chain = [word for word in error.command_chain or () if word != "anypool"]
    command = " ".join(["anypool", *chain, "--help"])
    message = str(error).strip()
    if isinstance(error, cyclopts.UnusedCliTokensError):
        extra = " ".join(error.unused_tokens or ())
        message = f"nothing here takes '{extra}'"
    return Invalid(message, hint=f"`{command}` shows what is understood")


def _stopped(stop: BaseException) -> int:
    if isinstance(stop, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    err().print()
    return INTERRUPTED


if __name__ == "__main__":
    main()
