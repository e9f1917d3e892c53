"""Filters of classifications, for the argument `where` of `Classifications`. Any function will do.

A purity can't be computed from a message alone: the operator defines a route by purity, whose topic
you subscribe to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .records import TERMS, Classification

Filter: TypeAlias = Callable[[Classification], bool]


def probability(node: str, at_least: float = 0.0, below: float | None = None) -> Filter:
    """Passes classified alerts with at_least <= P(node) < below.

    Parameters
    ----------
    node
        Name of the node; other taxonomies, which lack it, do not pass.
    at_least, below
        Probabilities, 0 to 1.
    """

    def passes(record: Classification) -> bool:
        value = record.probabilities.get(node)
        return value is not None and value >= at_least and (below is None or value < below)

    return passes


def evidence(
    node: str,
    at_least: float | None = None,
    below: float | None = None,
    terms: str | Sequence[str] = TERMS,
) -> Filter:
    """Passes alerts whose evidence for a child of the root is in a range.

    Parameters
    ----------
    node
        Child of the root, such as ``Transient``.
    at_least, below
        Natural log odds against its siblings (`Classification.log_odds`).
    terms
        Term or terms to add up: ``lightCurve``, ``context``, ``prior``. All by default.

    Raises
    ------
    ValueError
        For an unknown term.
    """
    chosen = (terms,) if isinstance(terms, str) else tuple(terms)
    if unknown := [term for term in chosen if term not in TERMS]:
        raise ValueError(f"no term {unknown[0]!r}; the terms are {', '.join(TERMS)}")

    def passes(record: Classification) -> bool:
        value = record.log_odds(node, chosen)
        return value is not None and (at_least is None or value >= at_least) and (below is None or value < below)

    return passes


def max_age(days: float) -> Filter:
    """Passes alerts at most so many days after the object's first admitted detection."""
    return lambda record: record.age is not None and record.age <= days


def max_novelty(novelty: float) -> Filter:
    """Passes alerts of objects that look like the training set: novelty at most this, or not given."""
    return lambda record: record.novelty is None or record.novelty <= novelty


def min_detections(count: int) -> Filter:
    """Passes alerts whose light curve has at least so many admitted detections."""
    return lambda record: record.light_curve.detections >= count
