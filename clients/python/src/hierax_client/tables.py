"""Classifications as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .records import Classification

if TYPE_CHECKING:
    import pandas


def row(record: Classification) -> dict[str, Any]:
    """A classification as one row.

    Columns have the published names: ``objectId``, ``lightCurve.detections``, ``alert.magnitude``,
    ``prediction.node``; ``P(NAME)`` is the probability of a node, ``evidence.NODE.lightCurve`` a term of the
    evidence. Paths are joined by `` > ``. `candid` is an int; an integer of 64 bits holds it, a float does not.
    """
    columns: dict[str, Any] = {}
    for name, value in record.body.items():
        if name == "nodes":
            columns.update({f"P({node.name})": node.probability for node in record.nodes})
        elif name == "evidence":
            for entry in value:
                terms = {term: number for term, number in entry.items() if term != "node"}
                _flatten(f"evidence.{entry['node']}", terms, columns)
        else:
            _flatten(name, value, columns)
    return columns


def to_pandas(records: Iterable[Classification]) -> pandas.DataFrame:
    """A table with one row per classification, sorted as they come; the columns are those of `row`.

    `candid` has the type int64, `time` is the time of the exposure (UTC) and follows `jd`. A value that a record
    does not have is missing.

    Raises
    ------
    ImportError
        Without pandas: ``pip install pandas``.
    """
    import pandas

    rows = []
    for record in records:
        columns: dict[str, Any] = {}
        for name, value in row(record).items():
            columns[name] = value
            if name == "jd":
                columns["time"] = record.time
        rows.append(columns)
    if not rows:
        return pandas.DataFrame({"objectId": [], "candid": []}).astype({"candid": "int64"})
    return pandas.DataFrame(rows).astype({"candid": "int64"})


def _flatten(name: str, value: Any, columns: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, columns)
    elif isinstance(value, list):
        columns[name] = " > ".join(str(item) for item in value)
    else:
        columns[name] = value
