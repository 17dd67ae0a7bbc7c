"""The grammar: what parses, to what, and where it says a text is wrong."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anypool.errors import Invalid
from anypool.model import Inventory
from anypool.search import Noun, Query, complete, parse
from anypool.search.syntax import And, Compare, Not, OneOf, Operator, Or, Value, Word

EXAMPLE = "vm where host.name = h1 and memory >= 1GiB and tag = prod order by memory desc"


def test_word_of_the_grammar_is_a_field_where_there_is_one_of_that_name() -> None:
    query = parse("state = done and by in (ada, policy:ha) order by started", Noun.OPERATION)
    assert isinstance(query.where, And)
    assert isinstance(query.where.parts[1], OneOf)
    assert parse(str(query), Noun.OPERATION) == query
    assert isinstance(parse("by = ada", Noun.OPERATION).where, Compare)
    with pytest.raises(Invalid):
        parse("by = ada", Noun.VM)


def test_the_example_of_the_manual() -> None:
    query = parse(EXAMPLE)
    assert query.noun is Noun.VM
    assert isinstance(query.where, And)
    assert query.where.parts[0] == Compare(
        path=("host", "name"), operator=Operator.EQUAL, value=Value(text="h1")
    )
    assert str(query) == EXAMPLE


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", "vm"),
        ("web", "vm where web"),
        ("VMs WHERE State = RUNNING", "vm where state = RUNNING"),
        ("web prod", "vm where web and prod"),
        ("a or b c", "vm where a or (b and c)"),
        ("(a or b) c", "vm where (a or b) and c"),
        ("not (a b)", "vm where not (a and b)"),
        ("name=web*", "vm where name = web*"),
        ("name = 'web*'", 'vm where name = "web*"'),
        ('name = "and"', 'vm where name = "and"'),
        ("tags = a limit 3", "vm where tag = a limit 3"),
        ("state not in (running, paused)", "vm where not state in (running, paused)"),
        ("order by hosts.name asc, vcpus desc", "vm order by host.name, vcpus desc"),
        ("host = h1", "vm where host = h1"),
        ("cpu_model ~ epyc", "vm where cpu-model ~ epyc"),
        ('name = "a \\"b\\" c"', 'vm where name = "a \\"b\\" c"'),
        ("((a and b) and c)", "vm where a and b and c"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    query = parse(text, Noun.VM)
    assert str(query) == canonical
    assert parse(canonical) == query


@pytest.mark.parametrize(
    ("text", "column", "words", "hint"),
    [
        ("vm where memry >= 1GiB", 10, "no field 'memry'", "did you mean memory"),
        ("vm where host.nam = h1", 15, "a host has no field 'nam'", "did you mean name"),
        ("vm where hots.name = h1", 10, "no join 'hots'", "did you mean host"),
        ("vm where memory >= 1024", 20, "1024 has no unit", "1024MiB"),
        ("vm where memory >= lots", 20, '"lots" is not a size', "512MiB"),
        ("vm where memory ~ 1GiB", 17, "'~' does not fit memory", "= != <"),
        ("vm where vcpus = nan", 18, '"nan" is not a number', "digits"),
        ("vm where state = runing", 18, '"runing" is not a state', "did you mean running"),
        ("vm where name =", 16, "a value for name is missing before the end", ""),
        ("vm where name = and", 17, "a value for name is missing before 'and'", "quotes"),
        ("vm where (a or b", 17, "')' is missing before the end", ""),
        ("vm where a)", 11, "')' is not expected here", "no open parenthesis"),
        ("vm where a or", 14, "a condition is missing before the end", ""),
        ("vm where", 9, "a condition is missing after where", ""),
        ("vm where name = 'x", 17, "the quote is not closed", "add '"),
        ("vm where name ! x", 15, "'!' stands alone", "!="),
        ("vm order memory", 10, "by is missing", "order by"),
        ("vm order by memory up", 20, "'up' is not expected here", "only limit"),
        ("vm limit many", 10, "limit needs a whole number", "limit 10"),
        ("vm limit 0", 10, "limit is from 1", ""),
        ("vms where state in running", 20, "'(' is missing", ""),
        ("machines where a = b", 1, "'machines' cannot be searched", "known: "),
        ("name = a", 1, "it is not said what to search", "begin with vm"),
        ("event where at > soon", 18, '"soon" is not a time', "-2h"),
    ],
)
def test_errors_point_at_their_place(text: str, column: int, words: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    first, shown, caret = caught.value.message.split("\n")
    assert words in first
    assert first.endswith(f"(column {column})")
    assert shown == text
    assert caret.index("^") == column - 1
    assert hint in caught.value.hint


def test_the_noun_asked_for_and_the_noun_written_must_agree() -> None:
    with pytest.raises(Invalid, match="this searches vms, not hosts"):
        parse("host where name = h1", Noun.VM)


@pytest.mark.parametrize(
    "text",
    ["(" * 1000, "not " * 300 + "a", "a " * 1200, "a" * 5000, "(a or " * 30 + "b" + ")" * 30],
)
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(Invalid):
        parse(text, Noun.VM)


def test_a_long_text_is_shown_in_part_around_the_fault() -> None:
    with pytest.raises(Invalid) as caught:
        parse("name = a or " * 40 + "nmae = b", Noun.VM)
    _, shown, caret = caught.value.message.split("\n")
    assert len(shown) <= 120
    assert shown[caret.index("^") :].startswith("nmae")


values = st.one_of(
    st.text(max_size=12).map(lambda text: Value(text=text)),
    st.sampled_from(["web*", "*", "a*b*", "*x"]).map(lambda text: Value(text=text, wild=True)),
)
leaves = st.one_of(
    values.map(lambda value: Word(value=value)),
    st.builds(
        Compare,
        path=st.sampled_from([("name",), ("host", "name"), ("host", "datastore", "path")]),
        operator=st.sampled_from(list(Operator)),
        value=values,
    ),
    st.builds(
        OneOf,
        path=st.just(("tag",)),
        values=st.lists(values, min_size=1, max_size=3).map(tuple),
    ),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda part: Not(part=part)),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(parts=tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(parts=tuple(parts))),
    ),
    max_leaves=10,
)


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(trees)
def test_what_is_written_parses_to_the_same_query(tree: object) -> None:
    once = parse(str(Query(noun=Noun.VM, where=tree)))  # type: ignore[arg-type]
    assert parse(str(once)) == once
    assert str(parse(str(once))) == str(once)


@settings(max_examples=300, deadline=None)
@given(leaves)
def test_leaves_survive_exactly(leaf: object) -> None:
    query = Query(noun=Noun.VM, where=leaf)  # type: ignore[arg-type]
    assert parse(str(query)) == query


SCRAPS = r"""vm host where and or not in ( ) , = != < <= > >= ~ ! order by limit asc desc name
memory host.name tag state running 1GiB 12 -2h today " ' \ * web* at created 99999999999999999
. .. host. .name ² ٣"""
scraps = st.lists(st.sampled_from(SCRAPS.split()), max_size=25)


@pytest.mark.thorough
@settings(max_examples=1000, deadline=None)
@given(st.one_of(scraps.map(" ".join), scraps.map("".join), st.text(max_size=60)))
def test_any_text_parses_or_is_invalid(text: str) -> None:
    for noun in (None, Noun.VM, Noun.EVENT, Noun.PLAN):
        query = None
        with suppress(Invalid):
            query = parse(text, noun)
        if query is not None:
            assert parse(str(query)) == query


@pytest.mark.thorough
@settings(max_examples=500, deadline=None)
@given(st.one_of(scraps.map(" ".join), st.text(max_size=40)), st.integers(-5, 80))
def test_completion_raises_nothing(text: str, cursor: int) -> None:
    for noun in (None, Noun.VM, Noun.EVENT):
        found = complete(text, cursor, Inventory(), noun)
        assert 0 <= found.start <= found.end <= len(text)
