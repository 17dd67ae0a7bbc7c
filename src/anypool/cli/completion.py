"""`anypool completion`: words that the shell completes."""

from typing import Literal

from anypool.cli.terminal import out


def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print a completion script; for bash: source <(anypool completion bash)."""
    from anypool.cli.main import tree

    out().print(tree().generate_completion(shell=shell), markup=False)
