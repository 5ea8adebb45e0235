"""Names: a resource is found however somebody spells it, and never by guessing among several."""

from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import TrailhouseError
from pipelines.questions.names import Likeness, Resource, fold, match
from pipelines.questions.resources import find_resource

WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=5, max_size=12)
NAMES = st.lists(WORDS, min_size=1, max_size=4, unique=True).map(" ".join)


def recipe(resource_id: str, *names: str, environment: str = "prod") -> Resource:
    return Resource(
        "recipe", resource_id, names, environment=environment, last_seen=date(2026, 2, 28)
    )


def person(email: str, name: str, *ids: str) -> Resource:
    return Resource("person", email, (name,), ids=ids, last_seen=date(2026, 2, 28))


KNOWN = [
    recipe("61060415", "Employee onboarding"),
    recipe("80029868", "Copy of Employee onboarding", environment="dev"),
    recipe("61040200", "Orders to ledger"),
    recipe("61048597", "Orders to ledger", environment="test"),
    recipe("61045798", "Access reviews", "Zugriffsprüfung"),
    person("hannah.weiss@larkfield.example", "Hannah Weiss", "390402"),
    person("tomas.herrera@larkfield.example", "Tomás Herrera-Ruiz", "390329", "395005"),
    person("nadia.karim@northforge.example", "Nadia Karim", "395004", "395005"),
]


@pytest.mark.parametrize(
    ("wanted", "expected", "likeness"),
    [
        pytest.param("61060415", ["61060415"], Likeness.ID, id="id"),
        pytest.param(" 390402 ", ["hannah.weiss@larkfield.example"], Likeness.ID, id="person id"),
        pytest.param(
            "Hannah.Weiss@Larkfield.EXAMPLE",
            ["hannah.weiss@larkfield.example"],
            Likeness.ID,
            id="address",
        ),
        pytest.param("EMPLOYEE  onboarding", ["61060415"], Likeness.NAME, id="case and spaces"),
        pytest.param(
            "tomas herrera ruiz",
            ["tomas.herrera@larkfield.example"],
            Likeness.NAME,
            id="accents and hyphen",
        ),
        pytest.param("zugriffsprufung", ["61045798"], Likeness.NAME, id="a former name"),
        pytest.param("onboarding employee", ["61060415"], Likeness.WORDS, id="word order"),
        pytest.param("onboarding copy", ["80029868"], Likeness.SOME_WORDS, id="some words"),
        pytest.param("access rev", ["61045798"], Likeness.PART, id="part"),
        pytest.param(
            "northforge", ["nadia.karim@northforge.example"], Likeness.PART, id="part of an address"
        ),
        pytest.param(
            "Hanna Wiess", ["hannah.weiss@larkfield.example"], Likeness.MISSPELT, id="slip"
        ),
        pytest.param("orders to ledger", ["61040200", "61048597"], Likeness.NAME, id="two alike"),
        pytest.param(
            "395005",
            ["nadia.karim@northforge.example", "tomas.herrera@larkfield.example"],
            Likeness.ID,
            id="an id of two people",
        ),
        pytest.param("61060416", [], None, id="an id one off is another id"),
        pytest.param("", [], None, id="nothing"),
        pytest.param(" - ", [], None, id="no word"),
    ],
)
def test_what_is_typed_finds_what_is_meant(
    wanted: str, expected: list[str], likeness: Likeness | None
) -> None:
    found = match(wanted, KNOWN)

    assert [r.resource_id for r in found.found] == expected
    assert found.likeness == likeness


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tomás  HERRERA-Ruiz", "tomas herrera ruiz"),
        ("Straße/Øst_Łódź", "strasse ost lodz"),
        ("Quote → cash (imported)", "quote cash imported"),
    ],
)
def test_a_folded_text_has_no_case_accents_or_punctuation(text: str, expected: str) -> None:
    assert fold(text) == expected


@given(st.text(max_size=40))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.randoms(use_true_random=False))
def test_every_name_finds_its_own_whatever_its_case_and_order(
    names: list[str], chance: random.Random
) -> None:
    known = [recipe(str(n), name) for n, name in enumerate(names)]
    wanted = chance.choice(known)
    words = wanted.name.split()
    chance.shuffle(words)

    found = match(" ".join(words).upper(), known)

    assert wanted in found.found
    assert found.likeness in (Likeness.NAME, Likeness.WORDS)
    assert all(sorted(r.name.split()) == sorted(words) for r in found.found)


@given(NAMES, st.data())
def test_a_letter_left_out_still_finds_the_name(name: str, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from([i for i, letter in enumerate(name) if letter != " "]))

    assert match(name[:at] + name[at + 1 :], [recipe("1", name)]).found


@given(st.text(max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_does_not_matter(wanted: str, chance: random.Random) -> None:
    mixed = KNOWN.copy()
    chance.shuffle(mixed)

    assert match(wanted, mixed) == match(wanted, KNOWN)


@given(st.text(max_size=20))
def test_either_something_is_found_or_the_nearest_are_offered(wanted: str) -> None:
    found = match(wanted, KNOWN)

    assert bool(found.found) != bool(found.nearest)


def test_an_ambiguous_name_lists_its_candidates_with_ids() -> None:
    with pytest.raises(TrailhouseError) as error:
        find_resource("orders to ledger", KNOWN)

    assert "can be any of 2; give an id, or --environment" in str(error.value)
    assert "61040200" in str(error.value)
    assert "61048597" in str(error.value)


def test_an_environment_settles_an_ambiguous_name() -> None:
    found, is_guess = find_resource("orders to ledger", KNOWN, environment="test")

    assert (found.resource_id, is_guess) == ("61048597", False)


def test_a_person_is_of_every_environment() -> None:
    found, _ = find_resource("hannah weiss", KNOWN, environment="test")

    assert found.kind == "person"


def test_a_guess_over_a_misspelling_is_told_apart() -> None:
    found, is_guess = find_resource("acces reveiws", KNOWN)

    assert (found.resource_id, is_guess) == ("61045798", True)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(TrailhouseError, match="nothing is called 'hann wyz'; the nearest") as error:
        find_resource("hann wyz", KNOWN)

    assert "Hannah Weiss" in str(error.value).splitlines()[1]


def test_a_name_of_another_environment_is_said_to_be_there() -> None:
    with pytest.raises(TrailhouseError, match="is not in environment dev, but:") as error:
        find_resource("access reviews", KNOWN, environment="dev")

    assert "61045798" in str(error.value)
