"""What the tests share: messages of every release, and a topic on a real Kafka.

Tests against a Kafka need KAFKA_BROKERS; `npm test clients/python` sets it, and more: a running service.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

HISTORY = Path(__file__).parents[3] / "schemas" / "history"

#: Waits only matter when a test fails, so they suit the slowest machine.
PATIENCE = float(os.environ.get("TEST_PATIENCE", "120"))

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def sample() -> dict[str, Any]:
    """A message of the second release, as JSON has it."""
    body: dict[str, Any] = json.loads((HISTORY / "classification-v1.1.message.json").read_text("utf-8"))
    return body


@pytest.fixture(scope="session")
def make(sample: dict[str, Any]) -> Make:
    """Makes messages: of an object, an alert and a probability of `SN Ia`."""

    def message(
        object_id: str = "ZTF1",
        jd: float = 2459000.5,
        candid: int = 2695378462115010012,
        revision: int = 1,
        ia: float = 0.9,
        **changes: Any,
    ) -> dict[str, Any]:
        nodes = [
            {"name": "SN Ia", "parent": None, "conditional": ia, "probability": ia},
            {"name": "Other", "parent": None, "conditional": 1 - ia, "probability": 1 - ia},
        ]
        return {
            **sample,
            "id": f"{object_id}:{candid}:{jd}:{revision}",
            "objectId": object_id,
            "candid": str(candid),
            "jd": jd,
            "nodes": nodes,
            "lightCurve": {**sample["lightCurve"], "revision": revision},
            **changes,
        }

    return message


@pytest.fixture(scope="session")
def brokers() -> str:
    named = os.environ.get("KAFKA_BROKERS")
    if not named:
        pytest.skip("needs KAFKA_BROKERS")
    return named


class Topics:
    """Topics on the cluster."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self._admin = AdminClient({"bootstrap.servers": brokers})

    def create(self, partitions: int = 1) -> str:
        name = f"client-{uuid.uuid4().hex[:12]}"
        for made in self._admin.create_topics([NewTopic(name, partitions, 1)]).values():
            made.result(PATIENCE)
        return name

    def send(
        self,
        topic: str,
        bodies: Iterable[Mapping[str, Any] | bytes | None],
        partition: int | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        compression: str = "none",
    ) -> None:
        """Sends bodies as JSON, bytes as they are; to the partition of the key, or a given one."""
        producer = Producer({"bootstrap.servers": self.brokers, "linger.ms": 5, "compression.type": compression})
        for body in bodies:
            value = json.dumps(body).encode() if isinstance(body, Mapping) else body
            name = body["objectId"] if isinstance(body, Mapping) and "objectId" in body else key
            where = -1 if partition is None else partition
            producer.produce(topic, value, key=name, headers=dict(headers or {}), partition=where)
            producer.poll(0)
        assert producer.flush(PATIENCE) == 0


@pytest.fixture(scope="session")
def topics(brokers: str) -> Topics:
    return Topics(brokers)


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex[:12]}"
