"""Permission is asked for in the service layer, in every use case, and nowhere else."""

import ast

from tests.tidy.project import modules, shown, tree

ASKS = {"require"}
PARTS = {"Facts", "Once"}
"""What use cases are made of: called by those that have asked."""


def takes_a_principal(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(one.annotation, ast.Name) and one.annotation.id == "Principal"
        for one in function.args.args
    )


def asks(function: ast.FunctionDef) -> bool:
    """Whether it calls `require`, or hands the principal on to a use case that does."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in ASKS or any(isinstance(one, ast.Name) and one.id == "by" for one in node.args):
            return True
    return False


def use_cases() -> list[tuple[str, ast.FunctionDef]]:
    found = []
    for path in modules():
        if path.parent.name != "service":
            continue
        for kind in (node for node in tree(path).body if isinstance(node, ast.ClassDef)):
            if kind.name in PARTS:
                continue
            for one in kind.body:
                if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                    found.append((f"{shown(path)} {kind.name}.{one.name}", one))
    return found


def test_every_use_case_that_knows_who_asks_looks_whether_they_may() -> None:
    known = [(name, one) for name, one in use_cases() if takes_a_principal(one)]
    assert len(known) > 60
    assert [name for name, one in known if not asks(one)] == []


def test_only_the_service_layer_decides_who_may() -> None:
    strays = [
        shown(path)
        for path in modules()
        if path.parent.name in {"cli", "engine", "store", "planner", "drivers"}
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ASKS
    ]
    assert strays == []
