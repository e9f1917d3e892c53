"""Duplicates, and which classification is current: whatever the order and the repetitions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import Make
from hypothesis import given, settings
from hypothesis import strategies as st

from hierax_client import Classification, CurrentAnswers, Decoder, Delivery, Event, Model, Retraction, Tombstone
from hierax_client.current import Duplicates

MODELS = ("1" * 64, "2" * 64)
messages = st.lists(
    st.tuples(
        st.sampled_from(["ZTF1", "ZTF2"]),
        st.sampled_from(MODELS),
        st.sampled_from([2459000.5, 2459001.5]),
        # Above 2^53: as floats they are one.
        st.sampled_from([2695378462115010012, 2695378462115010013]),
        st.integers(1, 3),
        st.integers(0, 2),
    ),
    max_size=12,
)


def record(make: Make, key: tuple[Any, ...], number: int = 0) -> Classification:
    object_id, model, jd, candid, revision, setting = key
    body = make(object_id, jd, candid, revision)
    body["id"] += f":{setting}:{model[0]}"
    body["classifier"] = {**body["classifier"], "sha256": model}
    # A message of another setting was published later.
    return Decoder().classification(json.dumps(body).encode(), Delivery("t", 0, number, 1000 + setting))


def ids(answers: Iterable[Classification]) -> list[str]:
    return sorted(answer.id for answer in answers)


@settings(max_examples=60, deadline=None)
@given(messages, st.randoms())
def test_the_current_answer_does_not_depend_on_order_and_repetition(make: Make, keys: list[Any], random: Any) -> None:
    expected: dict[tuple[str, str], tuple[Any, ...]] = {}
    for key in keys:
        expected[key[:2]] = max(expected.get(key[:2], key), key)
    shuffled = keys + keys[: len(keys) // 2]
    random.shuffle(shuffled)
    answers = CurrentAnswers()
    for number, key in enumerate(shuffled):
        answers.add(record(make, key, number))
    assert ids(answers) == sorted(record(make, key).id for key in expected.values())
    assert len(answers) == len(expected)
    for object_id in ("ZTF1", "ZTF2"):
        best = max((key for key in expected.values() if key[0] == object_id), key=lambda key: key[2:], default=None)
        found = answers.get(object_id)
        assert (found is None) == (best is None)
        if found is not None and best is not None:
            assert found.rank[:3] == best[2:5]


def test_says_what_became_current(make: Make) -> None:
    first, later, late = (Decoder().classification(json.dumps(make(jd=jd)).encode()) for jd in (1.5, 3.5, 2.5))
    answers = CurrentAnswers()
    assert [answers.add(event) for event in (first, first, later, late, later)] == [True, False, True, False, False]
    assert answers.get("ZTF1") == later
    assert "ZTF1" in answers
    assert "ZTF2" not in answers
    assert answers.get("ZTF1", "example") == later
    assert answers.get("ZTF1", "another model") is None


def retraction(make: Make, jd: float, timestamp: int = 9) -> Retraction:
    value = json.dumps(make(jd=jd)).encode()
    event = Decoder().event(value, Delivery("t", 0, 1, timestamp, headers={"retracted": "maxAgeDays"}))
    assert isinstance(event, Retraction)
    return event


def test_a_retraction_removes_the_object_in_either_order(make: Make) -> None:
    sent = Decoder().classification(json.dumps(make(jd=1.5)).encode())
    again = Decoder().classification(json.dumps(make(jd=3.5)).encode())
    orders: list[list[Event]] = [[sent, retraction(make, 2.5)], [retraction(make, 2.5), sent]]
    for order in orders:
        answers = CurrentAnswers()
        for event in order:
            answers.add(event)
        assert list(answers) == []
        assert answers.add(again)
        assert ids(answers) == [again.id]


def test_retired_models_and_tombstones(make: Make) -> None:
    answers = CurrentAnswers()
    kept, retired = (
        record(make, (name, model, 1.5, 1, 1, 0)) for name, model in zip(("ZTF1", "ZTF2"), MODELS, strict=True)
    )
    model = Model("m", "1", MODELS[1], "t", "1", "retired", "", "2026-01-01T00:00:00Z", None, ("t",))
    assert answers.add(kept)
    assert answers.add(retired)
    answers.add(model)
    assert not answers.add(retired)
    assert ids(answers) == [kept.id]
    # An older announcement changes nothing; a newer one lets the model in again.
    answers.add(Model("m", "1", MODELS[1], "t", "1", "active", "", "2025-01-01T00:00:00Z", None, ("t",)))
    assert not answers.add(retired)
    answers.add(Model("m", "1", MODELS[1], "t", "1", "active", "", "2026-01-02T00:00:00Z", None, ("t",)))
    assert answers.add(retired)
    answers.add(Tombstone(f"ZTF1/{MODELS[0]}", Delivery("t", 0, 1)))
    assert ids(answers) == [retired.id]
    answers.add(Tombstone("ZTF2", Delivery("t", 0, 1)))
    assert len(answers) == 0


def test_a_file_keeps_the_answers(make: Make, tmp_path: Path) -> None:
    answer = Decoder().classification(json.dumps(make()).encode(), Delivery("t", 0, 1, 5))
    with CurrentAnswers(tmp_path / "answers.db") as answers:
        answers.add(answer)
    with CurrentAnswers(tmp_path / "answers.db") as answers:
        assert not answers.add(answer)
        [kept] = answers
        assert kept.body == answer.body
        assert kept.rank == answer.rank


def test_duplicates_are_told_by_id_within_bounds(make: Make) -> None:
    def event(number: int) -> Event:
        return Decoder().classification(json.dumps(make(revision=number)).encode())

    duplicates = Duplicates(2)
    assert [duplicates.is_new(event(number)) for number in (1, 1, 2, 1, 3)] == [True, False, True, False, True]
    # 2 was not met for longest and is forgotten.
    assert [duplicates.is_new(event(number)) for number in (1, 2)] == [False, True]
    assert all(Duplicates(0).is_new(event(1)) for _ in range(2))


def test_a_retraction_is_no_duplicate_of_what_it_retracts(make: Make) -> None:
    duplicates, sent = Duplicates(), Decoder().classification(json.dumps(make(jd=1.5)).encode())
    back = retraction(make, 1.5)
    assert [duplicates.is_new(event) for event in (sent, back, back, sent)] == [True, True, False, True]


def test_what_a_tombstone_removed_is_new_when_it_is_published_again(make: Make) -> None:
    duplicates, sent = Duplicates(), Decoder().classification(json.dumps(make()).encode())
    removed = Tombstone(f"ZTF1/{MODELS[0]}", Delivery("t", 0, 1))
    assert [duplicates.is_new(event) for event in (sent, sent, removed, sent, sent)] == [True, False, True, True, False]


@pytest.mark.parametrize("source", ["a/0/1", "a/0/2"])
def test_dead_letters_are_told_by_their_source(source: str) -> None:
    def letter(source: str, offset: int) -> Event:
        return Decoder().event(b"x", Delivery("t", 0, offset, headers={"error.code": "X", "source": source}))

    duplicates = Duplicates()
    assert duplicates.is_new(letter("a/0/1", 5))
    assert duplicates.is_new(letter(source, 6)) == (source != "a/0/1")
