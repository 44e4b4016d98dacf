"""The expression of headers: what renders matches, and what matches is valid."""

import random
import re
from re import _parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import ConfigError
from treasure.markers.header_regex import header_regex
from treasure.markers.marker_set import MarkerSet, applies
from treasure.markers.number_regex import number_regex
from treasure.markers.surface import SurfaceName, make_surface
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Kind, Taxonomy, Value

SURFACES = pytest.mark.parametrize("name", [SurfaceName.TEXT, SurfaceName.TOKENS], ids=str)


def closed(name, values, **options):
    return Category(name, Kind.NOMINAL, values=tuple(map(Value, values)), **options)


RULES = Taxonomy(
    "rules",
    (
        closed("early", "xy", applies_when=AppliesWhen("topic", ("a", "b"))),  # before what decides it
        closed("topic", "abcd", multiple=True),
        closed("kind", ["C++", "(.*)"], multiple=True, applies_when=AppliesWhen("topic", ("b", "c"))),
        closed("depth", "mn", applies_when=AppliesWhen("kind", ("C++",))),
        Category("score", Kind.DECIMAL, minimum=-1.5, maximum=2, decimals=2),
        Category(
            "size", Kind.ORDINAL, values=tuple(map(Value, ("s", "m", "l"))), derived_from="words", edges=(10, 300)
        ),
        Category("words", Kind.INTEGER, minimum=3),
    ),
)


@st.composite
def rule_sets(draw):
    values = {}
    for category in RULES.categories:
        if category.name == "score":
            one = st.integers(-150, 200).map(lambda number: number / 100)
        elif category.name == "words":
            one = st.integers(3, 100_000)
        else:
            one = st.sampled_from(category.value_names)
        lists = st.lists(one, min_size=1, max_size=3 if category.multiple else 1, unique=True)
        values[category.name] = draw(st.none() | lists)
    known = {name: listed for name, listed in values.items() if listed is not None}
    if "words" in known and "size" in known:
        known["size"] = [RULES.category("size").bucket(known["words"][0])]
    while True:
        inapplicable = [n for n in known if not applies(RULES, _unchecked(known), n)]
        if not inapplicable:
            return MarkerSet.of(RULES, known)
        known = {name: listed for name, listed in known.items() if name not in inapplicable}


def _unchecked(values):
    bare = Taxonomy(
        "bare", tuple(closed(c.name, c.value_names, multiple=c.multiple) for c in RULES.categories if c.values)
    )
    return MarkerSet.of(bare, {name: listed for name, listed in values.items() if name in bare})


def buckets_fit(taxonomy, markers):
    return all(
        markers.value(c.name) in (None, c.bucket(markers.value(c.derived_from)))
        for c in taxonomy.categories
        if c.derived_from in markers
    )


def written(surface, markers):
    return surface.render(markers) + surface.separator


def draw_match(tree, chance):
    """A text that the parsed expression `tree` matches."""
    found = []
    for kind, argument in tree:
        kind = str(kind)
        if kind == "LITERAL":
            found.append(chr(argument))
        elif kind == "SUBPATTERN":
            found.append(draw_match(argument[-1], chance))
        elif kind == "BRANCH":
            found.append(draw_match(chance.choice(argument[1]), chance))
        elif kind == "MAX_REPEAT":
            low, high, inside = argument
            found += [draw_match(inside, chance) for _ in range(chance.randint(low, int(high)))]
        elif kind == "IN":
            options = []
            for what, one in argument:
                options += [one] if str(what) == "LITERAL" else list(range(one[0], one[1] + 1))
            found.append(chr(chance.choice(options)))
        else:
            raise AssertionError(f"the expression holds {kind}, which engines may not know")
    return "".join(found)


@SURFACES
@given(markers=rule_sets())
def test_what_renders_matches(name, markers):
    surface = make_surface(name, RULES)
    assert re.fullmatch(header_regex(RULES, surface), written(surface, markers))


@SURFACES
@pytest.mark.parametrize("kind", ["shipped", "rules"])
def test_what_matches_is_valid_and_canonical(taxonomy, name, kind):
    known = taxonomy if kind == "shipped" else RULES
    surface = make_surface(name, known)
    tree, chance = _parser.parse(header_regex(known, surface)), random.Random(0)
    seen = set()
    for _ in range(400):
        text = draw_match(tree, chance)
        parsed = surface.parse(text + "words")
        assert (parsed.problems, parsed.content, parsed.found) == ((), "words", True)
        assert written(surface, parsed.markers) == text
        assert buckets_fit(known, parsed.markers)
        seen |= {(marker.category, marker.value) for marker in parsed.markers.markers}
    assert {name for name, _ in seen} == set(known.names)


@SURFACES
@given(markers=rule_sets(), data=st.data())
def test_forced_and_forbidden_are_kept(name, markers, data):
    surface = make_surface(name, RULES)
    picked = data.draw(st.lists(st.sampled_from(markers.categories), unique=True) if len(markers) else st.just([]))
    forced = MarkerSet.of(RULES, {n: list(markers.values(n)) for n in picked if n not in ("size", "words")})
    banned = data.draw(st.sampled_from(["topic", "kind", "score", "depth"]).filter(lambda n: n not in forced))
    values = RULES.category(banned).value_names
    forbidden = {banned: frozenset(data.draw(st.lists(st.sampled_from(values), unique=True)) if values else ())}
    expression = header_regex(RULES, surface, forced=forced, forbidden=forbidden)
    chance = random.Random(data.draw(st.integers(0, 2**20)))
    found = surface.parse(draw_match(_parser.parse(expression), chance))
    assert found.problems == ()
    assert all(found.markers.values(n) == forced.values(n) for n in forced.categories)
    held = set(found.markers.values(banned))
    assert not held if not forbidden[banned] else held.isdisjoint(forbidden[banned])
    is_allowed = all(markers.values(n) == forced.values(n) for n in forced.categories) and (
        set(markers.values(banned)).isdisjoint(forbidden[banned]) if forbidden[banned] else banned not in markers
    )
    assert bool(re.fullmatch(expression, written(surface, markers))) == is_allowed


@SURFACES
def test_a_forced_bucket_binds_its_number_and_the_number_its_bucket(name):
    surface = make_surface(name, RULES)

    def allows(forced, other):
        expression = header_regex(RULES, surface, forced=MarkerSet.of(RULES, forced))
        return bool(re.fullmatch(expression, written(surface, MarkerSet.of(RULES, {**forced, **other}))))

    assert [n for n in (3, 9, 10, 299, 300, 301) if allows({"size": "m"}, {"words": n})] == [10, 299]
    assert [n for n in (3, 9, 10) if allows({"size": "s"}, {"words": n})] == [3, 9]
    assert [n for n in (299, 300, 99_999) if allows({"size": "l"}, {"words": n})] == [300, 99_999]
    assert [value for value in ("s", "m", "l") if allows({"words": 299}, {"size": value})] == ["m"]


def test_what_no_header_can_hold_is_told():
    surface = make_surface(SurfaceName.TOKENS, RULES)
    forced = MarkerSet.of(RULES, {"topic": "a"})
    with pytest.raises(ConfigError, match=r"topic.*Forbidden.*topic"):
        header_regex(RULES, surface, forced=forced, forbidden={"topic": frozenset({"a"})})
    forced = MarkerSet.of(RULES, {"score": 1.0})
    with pytest.raises(ConfigError, match=r"score.*Forbidden.*score"):
        header_regex(RULES, surface, forced=forced, forbidden={"score": frozenset()})


@given(first=st.integers(-3000, 3000), width=st.integers(0, 3000), decimals=st.integers(0, 3), data=st.data())
def test_numbers_of_a_range_and_no_others(first, width, decimals, data):
    scale = 10**decimals
    expression = re.compile(str(number_regex(first / scale, (first + width) / scale, decimals)))
    near = [first - 1, first, first + 1, first + width - 1, first + width, first + width + 1, 0, -1, 1]
    for number in [*near, data.draw(st.integers(first, first + width)), data.draw(st.integers(-99_999, 99_999))]:
        is_inside = first <= number <= first + width
        assert bool(expression.fullmatch(f"{number / scale:.{decimals}f}")) == is_inside
    for text in ("", "-", "00", "-0", "1.", ".5", "007"):
        assert not expression.fullmatch(text)


def test_a_range_without_numbers_has_no_expression():
    assert number_regex(0.2, 0.8) is None
    assert number_regex(5, 4) is None
    assert number_regex(-3, -5) is None
