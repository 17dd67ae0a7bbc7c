"""Mistakes made on purpose: each is one change, and each function gets the code of its mutant."""

import types

from scripts.mutating import mutants_of

SOURCE = '''
LIMIT = 3
KINDS = ("a", "b")

def fits(sizes, room):
    """Nothing in here is changed."""
    if room < 0 or not sizes:
        return False
    return sum(size for size in sizes if size > 1) + 1 <= room

class Box:
    def order(self, names):
        return sorted(names, key=lambda name: (len(name), name))
'''


def test_each_mutant_is_one_change() -> None:
    told = {mutant.name.removeprefix("m.") for mutant in mutants_of("m", SOURCE)}
    assert told >= {
        "LIMIT: 3 -> 4",
        "KINDS: ('a', 'b') -> ('b',)",
        "fits: room < 0 -> room >= 0",
        "fits: room < 0 -> room <= 0",
        "fits: room < 0 or not sizes -> room < 0 and (not sizes)",
        "fits: room < 0 or not sizes -> room < 0",
        "fits: not sizes -> sizes",
        "fits: for size in sizes if size > 1 -> for size in sizes",
        "fits: False -> True",
        "fits: sum((size for size in sizes if size > 1)) + 1 -> "
        "sum((size for size in sizes if size > 1)) - 1",
        "Box.order: (len(name), name) -> (name,)",
        "Box.order: sorted(names, key=lambda name: (len(name), name)) -> sorted(names)",
    }


def test_a_mutant_behaves_otherwise_and_names_its_lines() -> None:
    usual, changed = types.ModuleType("m"), types.ModuleType("m")
    exec(compile(SOURCE, "m", "exec"), vars(usual))
    dropped = "m.fits: for size in sizes if size > 1 -> for size in sizes"
    (mutant,) = [one for one in mutants_of("m", SOURCE) if one.name == dropped]
    exec(mutant.code, vars(changed))
    assert (usual.fits([1], 1), changed.fits([1], 1)) == (True, False)
    assert (mutant.path, mutant.lines) == ("fits", range(9, 10))


def test_a_source_comes_out_as_it_was() -> None:
    first, second = ([one.name for one in mutants_of("m", SOURCE)] for _ in range(2))
    assert first == second
