"""The typed record: tree, evidence, age."""

from __future__ import annotations

import json
import math

import pytest
from conftest import Make

from hierax_client import Classification, Decoder, Delivery, filters
from hierax_client.tables import row


@pytest.fixture(scope="module")
def record(make: Make) -> Classification:
    """A tree of three levels; a leaf at the first."""
    nodes = [
        ("Transient", None, 0.8, 0.8),
        ("Persistent", None, 0.2, 0.2),
        ("SN Ia", "Transient", 0.25, 0.2),
        ("CC", "Transient", 0.75, 0.6),
        ("SN II", "CC", 0.5, 0.3),
        ("SN Ibc", "CC", 0.5, 0.3),
    ]
    names = ("name", "parent", "conditional", "probability")
    body = make(nodes=[dict(zip(names, node, strict=True)) for node in nodes])
    return Classification.from_message({**body, "candid": int(body["candid"])}, Delivery("t", 0, 1, 77))


def test_the_tree(record: Classification) -> None:
    tree = record.probabilities
    assert dict(tree)["CC"] == 0.6
    assert tree.children() == ("Transient", "Persistent")
    assert tree.children("CC") == ("SN II", "SN Ibc")
    assert tree.parent("CC") == "Transient"
    assert tree.parent("Transient") is None
    assert tree.path("SN II") == ("Transient", "CC", "SN II")
    assert tree.depth("SN II") == 3
    assert tree.leaves == ("Persistent", "SN Ia", "SN II", "SN Ibc")
    assert math.isclose(sum(tree[name] for name in tree.leaves), 1)
    assert tree.conditional("CC") == 0.75
    assert "SN" not in tree
    for lookup in (tree.path, tree.children, tree.node, tree.__getitem__):
        with pytest.raises(KeyError):
            lookup("SN")


@pytest.mark.parametrize(("depth", "node"), [(1, "Transient"), (2, "CC"), (3, "SN II"), (9, "SN II"), (None, "SN II")])
def test_the_best_node_of_a_depth(record: Classification, depth: int | None, node: str) -> None:
    assert record.probabilities.best(depth) == node


def test_a_leaf_above_the_depth_competes(make: Make) -> None:
    nodes = [
        {"name": "A", "parent": None, "conditional": 0.6, "probability": 0.6},
        {"name": "B", "parent": None, "conditional": 0.4, "probability": 0.4},
        {"name": "A1", "parent": "A", "conditional": 0.5, "probability": 0.3},
        {"name": "A2", "parent": "A", "conditional": 0.5, "probability": 0.3},
    ]
    assert Decoder().classification(dumped(make(nodes=nodes))).probabilities.best(2) == "B"


def test_what_is_not_classified_has_no_probabilities(make: Make) -> None:
    body = make(status="NOT_CLASSIFIED", reason="BOGUS", nodes=[], prediction=None, evidence=[])
    record = Decoder().classification(dumped(body))
    assert not record.is_classified
    assert record.reason == "BOGUS"
    assert record.probabilities.best() is None
    assert record.probability("SN Ia") == 0
    assert record.log_odds("Transient") is None
    assert not filters.probability("SN Ia")(record)
    with pytest.raises(ValueError, match="at least 1"):
        record.probabilities.best(0)


def test_evidence_as_log_odds(record: Classification, make: Make) -> None:
    assert record.evidence[0].light_curve == -0.5
    # Of two children it is the difference: 0.625 against -3.97.
    assert record.log_odds("Transient") == pytest.approx(4.595)
    assert record.log_odds("Persistent") == pytest.approx(-4.595)
    assert record.log_odds("Transient", ["context"]) == pytest.approx(6.5)
    assert record.log_odds("CC") is None
    with pytest.raises(ValueError, match="no term 'lightcurve'"):
        record.log_odds("Transient", ["lightcurve"])
    three = [
        {"node": name, "lightCurve": value, "context": 0, "prior": 0}
        for name, value in zip("ABC", (2, 1, 0), strict=True)
    ]
    odds = Decoder().classification(dumped(make(evidence=three))).log_odds("A")
    assert odds == pytest.approx(2 - math.log(math.exp(1) + 1))


def test_filters(record: Classification) -> None:
    assert filters.probability("CC", 0.6, below=0.7)(record)
    assert not filters.probability("CC", 0.61)(record)
    assert not filters.probability("other taxonomy")(record)
    assert filters.evidence("Transient", at_least=4)(record)
    assert not filters.evidence("Transient", at_least=4, terms="lightCurve")(record)
    assert filters.evidence("Transient", below=4, terms=["lightCurve"])(record)
    assert filters.max_novelty(1)(record)
    assert filters.min_detections(3)(record)
    assert not filters.min_detections(4)(record)
    with pytest.raises(ValueError, match="no term 'x'"):
        filters.evidence("Transient", terms=["x"])


def test_the_age_is_counted_from_the_first_detection(make: Make) -> None:
    body = make()
    body["lightCurve"]["firstDetectionJd"] = body["jd"] - 4
    record = Decoder().classification(dumped(body))
    assert record.age == 4
    assert filters.max_age(4)(record)
    assert not filters.max_age(3.9)(record)


@pytest.mark.parametrize(
    ("jd", "year"), [(1721425.5, 1), (2459000.5, 2020), (5373483.5, 9999), (3.5, None), (1e300, None)]
)
def test_the_time_of_any_date(make: Make, jd: float, year: int | None) -> None:
    time = Decoder().classification(dumped(make(jd=jd))).time
    assert (time and time.year) == year


def test_records_are_equal_by_id(make: Make) -> None:
    one, other = (Decoder().classification(dumped(make(ra=ra))) for ra in (1, 2))
    assert one == other
    assert len({one, other}) == 1
    assert one != Decoder().classification(dumped(make(revision=2)))


def test_a_row_has_the_published_names(record: Classification) -> None:
    columns = row(record)
    assert columns["candid"] == record.candid
    assert columns["P(SN II)"] == 0.3
    assert columns["alert.magnitude"] == 17.25
    assert columns["evidence.Transient.lightCurve"] == -0.5
    assert columns["lightCurve.latest.g"] == 17.5
    assert columns["prediction.path"] == "Transient > CC"
    assert not any(isinstance(value, (dict, list)) for value in columns.values())


def dumped(body: object) -> bytes:
    return json.dumps(body).encode()
