"""The reference of the command line, made from the tree of commands."""

from anypool.cli.main import tree


def page() -> str:
    """Return the page in Markdown."""
    made = tree().generate_docs(output_format="markdown", flatten_commands=False)
    return made
