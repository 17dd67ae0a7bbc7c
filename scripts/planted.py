"""Put a mistake into the running program, and take it out again.

A function gets the code of its mutant, so that every module that imported it has it too, and
nothing is started anew.
"""

import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from scripts.mutating import Mutant, mutants_of


def file_of(module: str) -> Path:
    """Return the file of a module, which is imported for that."""
    file = importlib.import_module(module).__file__
    assert file is not None
    return Path(file)


def mutants_in(modules: Iterable[str]) -> list[Mutant]:
    """Return every mutant that can be put in; those that read alike have numbers."""
    found: list[Mutant] = []
    names: dict[str, int] = defaultdict(int)
    for module in modules:
        for mutant in mutants_of(module, file_of(module).read_text(encoding="utf-8")):
            if not _fits(mutant):
                continue
            names[mutant.name] += 1
            if (count := names[mutant.name]) > 1:
                mutant = _numbered(mutant, count)
            found.append(mutant)
    return found


@contextmanager
def put_in(mutant: Mutant) -> Iterator[None]:
    """Let the program make a mistake until the block ends."""
    module = importlib.import_module(mutant.module)
    if mutant.constant:
        with _constant(module, mutant):
            yield
        return
    function = _live(module, mutant.path)
    usual = function.__code__
    function.__code__ = _code(mutant.code, mutant.path.split("."))
    try:
        yield
    finally:
        function.__code__ = usual


def _fits(mutant: Mutant) -> bool:
    """Return whether the code can be put in; without its `super()` a method has another form."""
    if mutant.constant:
        return True
    usual = _live(importlib.import_module(mutant.module), mutant.path).__code__
    return usual.co_freevars == _code(mutant.code, mutant.path.split(".")).co_freevars


def _numbered(mutant: Mutant, count: int) -> Mutant:
    values = vars(mutant) | {"after": f"{mutant.after} (place {count})"}
    return Mutant(**values)


@contextmanager
def _constant(module: ModuleType, mutant: Mutant) -> Iterator[None]:
    """Put another value wherever a module knows the constant by its name."""
    usual = getattr(module, mutant.constant)
    new = eval(mutant.code, vars(module))
    knowing = [
        other
        for name, other in list(sys.modules.items())
        if name.startswith("anypool.") and vars(other).get(mutant.constant, other) is usual
    ]
    for other in knowing:
        setattr(other, mutant.constant, new)
    try:
        yield
    finally:
        for other in knowing:
            setattr(other, mutant.constant, usual)


def _live(module: ModuleType, path: str) -> FunctionType:
    owner: Any = module
    *outer, last = path.split(".")
    for name in outer:
        owner = getattr(owner, name)
    found = inspect.getattr_static(owner, last)
    found = getattr(found, "__func__", getattr(found, "fget", found))
    found = inspect.unwrap(found)
    assert isinstance(found, FunctionType), path
    return found


def _code(code: CodeType, path: list[str]) -> CodeType:
    for name in path:
        inner = [one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name]
        code = inner[0]
    return code
