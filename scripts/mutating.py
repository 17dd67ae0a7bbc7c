"""Small mistakes made on purpose in a module, one at a time, by rewriting its syntax tree."""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType

_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_EDGE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
_OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_OPTIONAL = frozenset({"after", "valid_while", "rejected", "tags", "key", "default"})
"""Keyword arguments that can be left out without an error."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Mutant:
    """One mistake: where, what was changed into what, and the code that has it.

    `path` names the function in its module, as `Class.method`; "" is a module's constant,
    and then `constant` is its name. `lines` are those of the statement that was changed.
    """

    module: str
    path: str
    constant: str
    before: str
    after: str
    lines: range
    code: CodeType

    @property
    def name(self) -> str:
        """How it is told to people."""
        short = self.module.removeprefix("anypool.")
        return f"{short}.{self.path or self.constant}: {self.before} -> {self.after}"


def mutants_of(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module."""
    tree = ast.parse(source)
    for path, function in _functions(tree):
        for place in _places(function):
            yield from _of_place(module, path, tree, place)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield from _of_constant(module, node, node.value)


@dataclass(frozen=True)
class _Place:
    """A node with its parent's field, and the statement it is in."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.AST
    statement: ast.stmt

    def put(self, new: ast.AST | None) -> Callable[[], None]:
        """Put another node here; return how to take it back. None takes it out of a list."""
        if self.index is None:
            setattr(self.parent, self.field, new)
            return lambda: setattr(self.parent, self.field, self.node)
        siblings = getattr(self.parent, self.field)
        index = self.index
        siblings[index : index + 1] = [] if new is None else [new]

        def back() -> None:
            siblings[index : index + (0 if new is None else 1)] = [self.node]

        return back


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, _Function):
                    yield f"{node.name}.{inner.name}", inner


def _places(function: _Function) -> Iterator[_Place]:
    """Yield every node of a function's body, each with the innermost statement around it."""
    for number, statement in enumerate(function.body):
        if number or not _is_text(statement):
            yield from _below(function, "body", number, statement, statement)


def _below(
    parent: ast.AST, field: str, index: int | None, node: ast.AST, statement: ast.stmt
) -> Iterator[_Place]:
    statement = node if isinstance(node, ast.stmt) else statement
    yield _Place(parent, field, index, node, statement)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "ctx"):
            continue
        if isinstance(value, ast.AST):
            yield from _below(node, name, None, value, statement)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                if isinstance(one, ast.AST):
                    yield from _below(node, name, number, one, statement)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _of_place(module: str, path: str, tree: ast.Module, place: _Place) -> Iterator[Mutant]:
    for new in _changes(place):
        before = ast.unparse(place.node)
        back = place.put(new)
        try:
            after = "nothing" if new is None else ast.unparse(new)
            code = compile(ast.fix_missing_locations(copy.deepcopy(tree)), module, "exec")
        except (SyntaxError, ValueError):
            continue
        finally:
            back()
        lines = _lines(place)
        yield Mutant(module, path, "", _short(before), _short(after), lines, code)


def _lines(place: _Place) -> range:
    """Return the lines of a statement, of one with a body those of its head."""
    first, statement = place.statement.lineno, place.statement
    end = statement.end_lineno or first
    body = getattr(statement, "body", None)
    if isinstance(body, list) and body and not isinstance(place.node, ast.match_case):
        end = max(first, body[0].lineno - 1)
    return range(first, end + 1)


def _changes(place: _Place) -> Iterator[ast.AST | None]:
    """Yield what can stand in a place by mistake; None is that nothing does."""
    node = place.node
    match node:
        case ast.Compare(ops=[operator]):
            for table in (_OPPOSITE, _EDGE):
                if type(operator) in table:
                    changed = copy.deepcopy(node)
                    changed.ops = [table[type(operator)]()]
                    yield changed
        case ast.BoolOp(values=values):
            swapped = copy.deepcopy(node)
            swapped.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield swapped
            yield from values
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.BinOp(op=operator) if type(operator) in _OTHER:
            other = copy.deepcopy(node)
            other.op = _OTHER[type(operator)]()
            yield other
            yield node.left
        case ast.Constant(value=bool() as value):
            yield ast.Constant(value=not value)
        case ast.Constant(value=int() as value):
            yield ast.Constant(value=value + 1)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case _:
            yield from _removals(place)


def _removals(place: _Place) -> Iterator[ast.AST | None]:
    node = place.node
    match node:
        case ast.comprehension(ifs=ifs):
            yield from (_without(node, "ifs", number) for number in range(len(ifs)))
        case ast.Tuple(elts=elements, ctx=ast.Load()) if len(elements) > 1:
            yield from (_without(node, "elts", number) for number in range(len(elements)))
        case ast.Call(keywords=keywords):
            for number, keyword in enumerate(keywords):
                if keyword.arg in _OPTIONAL:
                    yield _without(node, "keywords", number)
        case ast.match_case(pattern=pattern):
            if not isinstance(pattern, ast.MatchAs) or pattern.pattern is not None:
                yield None
        case ast.Expr(value=value) if not isinstance(value, ast.Constant):
            yield ast.Pass()
        case _:
            if isinstance(node, _LEFT_OUT):
                yield ast.Pass()


_LEFT_OUT = (ast.AugAssign, ast.Continue, ast.Break, ast.Raise, ast.Delete)
"""Statements without which a function still makes sense."""


def _without(node: ast.AST, field: str, number: int) -> ast.AST:
    fewer = copy.deepcopy(node)
    del getattr(fewer, field)[number]
    return fewer


def _of_constant(
    module: str, statement: ast.Assign | ast.AnnAssign, value: ast.expr
) -> Iterator[Mutant]:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    if not isinstance(target, ast.Name) or not target.id.strip("_").isupper():
        return
    for node in ast.walk(value):
        for field, index, new in _constant_changes(node):
            whole = copy.deepcopy(value)
            twin = _twin(value, node, whole)
            before = ast.unparse(node)
            if index is None:
                setattr(twin, field, new)
            else:
                del getattr(twin, field)[index]
            code = compile(ast.fix_missing_locations(ast.Expression(whole)), module, "eval")
            after = ast.unparse(twin)
            lines = range(0)
            yield Mutant(module, "", target.id, _short(before), _short(after), lines, code)


def _constant_changes(node: ast.AST) -> Iterator[tuple[str, int | None, object]]:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield "value", None, node.value + 1
    if isinstance(node, ast.Tuple | ast.Set | ast.List) and len(node.elts) > 1:
        for number in range(len(node.elts)):
            yield "elts", number, None


def _twin(root: ast.AST, node: ast.AST, copied: ast.AST) -> ast.AST:
    both = zip(ast.walk(root), ast.walk(copied), strict=True)
    return next(twin for one, twin in both if one is node)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 70 else f"{line[:67]}..."
