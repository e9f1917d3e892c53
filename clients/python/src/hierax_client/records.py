"""What a topic carries: classifications, and the rarer kinds of message."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import Any, TypeAlias

from ._fields import Body, integer, listed, optional, text
from ._fields import field as read_field
from ._records import ClassificationFields, Node, Provenance

#: The terms of the evidence, as in the message.
TERMS = ("lightCurve", "context", "prior")


@dataclass(frozen=True)
class Delivery:
    """Where a message was read. Two deliveries of one message may differ in it.

    Attributes
    ----------
    topic, partition, offset
        Its place on Kafka.
    timestamp
        When the broker or the producer dated the message, milliseconds since 1970; -1 if unknown.
    key
        The message's key, usually the object's name.
    headers
        Headers as text.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int = -1
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Probabilities(Mapping[str, float]):
    """P(node) by the node's name, with the tree that the nodes form.

    The root is not a node: its children have the parent None. Of an alert that is not classified
    there are no nodes.

    Parameters
    ----------
    nodes
        Every node but the root, parents before children.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._children: dict[str | None, list[str]] = {None: []}
        for node in nodes:
            self._children[node.name] = []
            self._children.setdefault(node.parent, []).append(node.name)

    def __getitem__(self, name: str) -> float:
        return self.node(name).probability

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name!r}: {value:.4g}" for name, value in self.items())
        return f"Probabilities({{{shown}}})"

    def node(self, name: str) -> Node:
        """The node with its parent and conditional probability; raises KeyError."""
        return self._nodes[name]

    def conditional(self, name: str) -> float:
        """P(node | parent). Those of siblings sum to 1."""
        return self.node(name).conditional

    def parent(self, name: str) -> str | None:
        """The parent's name; None for a child of the root."""
        return self.node(name).parent

    def children(self, name: str | None = None) -> tuple[str, ...]:
        """Names of the children, those of the root by default; raises KeyError."""
        return tuple(self._children[name])

    @property
    def leaves(self) -> tuple[str, ...]:
        """Nodes without children. Their probabilities sum to 1."""
        return tuple(name for name in self._nodes if not self._children[name])

    def path(self, name: str) -> tuple[str, ...]:
        """Names from the child of the root to this node."""
        path = [name]
        while (parent := self.parent(path[-1])) is not None:
            path.append(parent)
        return tuple(reversed(path))

    def depth(self, name: str) -> int:
        """Number of nodes on its path: 1 for a child of the root."""
        return len(self.path(name))

    def best(self, depth: int | None = None) -> str | None:
        """The likeliest node at a depth; a leaf above that depth competes as well.

        Parameters
        ----------
        depth
            1 for the children of the root; None for the leaves.

        Returns
        -------
        str or None
            The first of the likeliest nodes; None if the alert is not classified.

        Raises
        ------
        ValueError
            If the depth is below 1.

        Notes
        -----
        `prediction` is the node that the model's decision rule stands for, which stops where the
        probabilities no longer support a choice. This method always chooses.
        """
        if depth is not None and depth < 1:
            raise ValueError(f"depth must be at least 1, not {depth}")
        names = [
            name
            for name in self._nodes
            if (not self._children[name] and (depth is None or self.depth(name) <= depth))
            or (depth is not None and self.depth(name) == depth)
        ]
        return max(names, key=self.__getitem__, default=None)


@dataclass(frozen=True, eq=False)
class Classification(ClassificationFields):
    """The classification of one alert. Two with the same `id` are equal.

    The attributes are the fields of the message in snake case: ``objectId`` is `object_id`,
    ``lightCurve.firstDetectionJd`` is ``light_curve.first_detection_jd``. Fields that the release
    of the sender did not have yet are None, empty or 0. Fields that later releases add are in `body`.

    Attributes
    ----------
    body
        The decoded message with its published names.
    delivery
        Where it was read on Kafka; None for a record from elsewhere.
    """

    body: Body = field(default_factory=dict, repr=False)
    delivery: Delivery | None = field(default=None, repr=False)

    @classmethod
    def from_message(cls, body: Body, delivery: Delivery | None = None) -> Classification:
        """The record of a decoded message, of any release.

        Raises
        ------
        ValueError
            If a field that every release has is missing, or a field has another type.
        """
        return cls.from_body(body, body=body, delivery=delivery)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classification) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def is_classified(self) -> bool:
        """Whether there are probabilities; otherwise `reason` says why not."""
        return self.status == "CLASSIFIED"

    @property
    def time(self) -> datetime | None:
        """Time of the exposure (UTC), as exact as a Julian date allows: 0.04 ms. None outside the years 1 to 9999."""
        try:
            return _EPOCH + timedelta(days=self.jd - _EPOCH_JD)
        except (OverflowError, ValueError):
            return None

    @cached_property
    def probabilities(self) -> Probabilities:
        """P(node) by name, with the tree; empty if the alert is not classified."""
        return Probabilities(self.nodes)

    def probability(self, node: str) -> float:
        """P(node); 0 if the alert is not classified, or the taxonomy has no such node."""
        return self.probabilities.get(node, 0.0)

    def log_odds(self, node: str, terms: Sequence[str] = TERMS) -> float | None:
        """What the evidence says for a child of the root against its siblings.

        Parameters
        ----------
        node
            Child of the root, such as ``Transient``.
        terms
            Terms to add up: ``lightCurve``, ``context``, ``prior``.

        Returns
        -------
        float or None
            Natural log odds: 1 multiplies the odds by 2.7, 3 by 20. With two children of the root
            it is the difference of their sums; with more, all others count together. None without
            evidence for this node: not classified, or a message of the first release.

        Raises
        ------
        ValueError
            For an unknown term.
        """
        unknown = [term for term in terms if term not in TERMS]
        if unknown:
            raise ValueError(f"no term {unknown[0]!r}; the terms are {', '.join(TERMS)}")
        names = ["light_curve" if term == "lightCurve" else term for term in terms]
        sums = {entry.node: sum(getattr(entry, name) for name in names) for entry in self.evidence}
        own = sums.pop(node, None)
        if own is None or not sums:
            return None
        most = max(sums.values())
        return float(own - most - math.log(sum(math.exp(value - most) for value in sums.values())))

    @property
    def age(self) -> float | None:
        """Days from the first admitted detection to this alert; None if there is none."""
        first = self.light_curve.first_detection_jd
        return None if first is None else self.jd - first

    @property
    def rank(self) -> tuple[float, int, int, int]:
        """Of an object's messages by one model, the one with the greatest rank is current.

        (`jd`, `candid`, `light_curve.revision`), then the Kafka timestamp: if only the settings of
        the service changed, the later message is current.
        """
        timestamp = -1 if self.delivery is None else self.delivery.timestamp
        return (self.jd, self.candid, self.light_curve.revision, timestamp)


@dataclass(frozen=True)
class Retraction:
    """An object no longer belongs on a topic of a retracting route.

    Attributes
    ----------
    classification
        The object's current classification.
    conditions
        Conditions of the route that it does not meet, such as ``minProbability``.
    """

    classification: Classification
    conditions: tuple[str, ...]

    @property
    def object_id(self) -> str:
        return self.classification.object_id

    @property
    def delivery(self) -> Delivery | None:
        return self.classification.delivery


@dataclass(frozen=True)
class DeadLetter:
    """A packet that the service could not read.

    Attributes
    ----------
    code, message
        What is wrong with it.
    source
        ``topic/partition/offset`` of the packet: deduplicate by it.
    value
        The packet, unchanged; empty if it was too large for the cluster.
    record
        Which record of a packet of several, counted from 0; None if it has one.
    """

    code: str
    message: str
    source: str
    value: bytes = field(repr=False)
    record: int | None
    delivery: Delivery = field(repr=False)


@dataclass(frozen=True)
class Model:
    """A model that is in use or retired (topic ``hierax.models``).

    Attributes
    ----------
    name, version, sha256, taxonomy, taxonomy_version
        The model, as in `classifier` of its messages.
    status
        ``active`` or ``retired``.
    since, announced
        Since when, and when this was published; UTC in ISO 8601.
    successor
        The model that runs in place of a retired one.
    topics
        The topics with its messages: that of all classifications first.
    """

    name: str
    version: str
    sha256: str
    taxonomy: str
    taxonomy_version: str
    status: str
    since: str
    announced: str
    successor: Provenance | None
    topics: tuple[str, ...]
    delivery: Delivery | None = field(default=None, repr=False)

    @property
    def is_retired(self) -> bool:
        return self.status == "retired"

    @classmethod
    def from_message(cls, body: Body, delivery: Delivery | None = None) -> Model:
        """The record of a decoded announcement; raises ValueError."""
        return cls(
            **vars(Provenance.from_body(body)),
            status=read_field(body, "status", text),
            since=read_field(body, "since", text),
            announced=read_field(body, "announced", text),
            successor=optional(body, "successor", Provenance.from_body),
            topics=read_field(body, "topics", listed(text)),
            delivery=delivery,
        )


@dataclass(frozen=True)
class Tombstone:
    """A message without a value on a compacted topic: nothing is current for its key any more."""

    key: str | None
    delivery: Delivery


@dataclass(frozen=True)
class Unreadable:
    """A message that could not be decoded. The stream has logged and counted it.

    Attributes
    ----------
    reason
        Why it could not be decoded.
    value
        Its bytes.
    """

    reason: str
    value: bytes = field(repr=False)
    delivery: Delivery


#: Everything that a topic can carry.
Event: TypeAlias = Classification | Retraction | DeadLetter | Model | Tombstone | Unreadable

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_JD = 2440587.5


def dead_letter(value: bytes, delivery: Delivery) -> DeadLetter:
    """The dead letter in a message with the header ``error.code``."""
    headers = delivery.headers
    record = headers.get("error.record")
    return DeadLetter(
        code=headers["error.code"],
        message=headers.get("error.message", ""),
        source=headers.get("source", str(delivery)),
        value=value,
        record=None if record is None else integer(record),
        delivery=delivery,
    )


def is_announcement(body: Any) -> bool:
    """Whether a decoded message without headers announces a model."""
    return isinstance(body, Mapping) and "announced" in body and "objectId" not in body
