"""Reading from a real Kafka: duplicates, offsets, rebalances, kill -9, errors."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from conftest import PATIENCE, Make, Topics

from hierax_client import (
    Classification,
    Classifications,
    DeadLetter,
    Registry,
    RegistryError,
    Retraction,
    StreamError,
    Tombstone,
    Unreadable,
    filters,
)


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def committed(brokers: str, group: str, topic: str, partition: int = 0) -> int:
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group})
    try:
        [place] = consumer.committed([TopicPartition(topic, partition)], timeout=PATIENCE)
        return int(place.offset)
    finally:
        consumer.close()


def test_each_id_comes_once_and_what_is_unreadable_is_counted(
    topics: Topics, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    topic = topics.create(2)
    bodies = [make(f"ZTF{number}") for number in range(4)]
    for body, compression in zip(bodies, ["gzip", "snappy", "lz4", "zstd"], strict=True):
        topics.send(topic, [body, body], compression=compression)
    topics.send(topic, [b"poison", b"", bodies[0]])
    topics.send(topic, [None], key="ZTF9")
    with Classifications(topics.brokers, topic=topic, until_end=True) as stream:
        assert sorted(record.object_id for record in stream) == ["ZTF0", "ZTF1", "ZTF2", "ZTF3"]
    counts = stream.counts
    assert (counts.messages, counts.duplicates, counts.unreadable, counts.tombstones) == (12, 5, 2, 1)
    # Partitions are read in any order.
    assert re.search(r"unreadable message [12] is skipped: it begins with b'poison'", caplog.text)
    assert "2 messages could not be read" in caplog.text


def test_every_kind_of_message_is_an_event(topics: Topics, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    topic = topics.create()
    letter = {"error.code": "NOT_A_CONTAINER", "source": "alerts/0/7"}
    topics.send(topic, [make()])
    topics.send(topic, [make()], headers={"retracted": "minProbability"})
    topics.send(topic, [b"packet", b"packet"], headers=letter)
    topics.send(topic, [b"poison", None], key="ZTF1")

    def read() -> Classifications:
        return Classifications(topics.brokers, topic=[topic], until_end=True)

    with read() as stream:
        kinds = [type(event) for event in stream.events()]
    assert kinds == [Classification, Retraction, DeadLetter, Unreadable, Tombstone]
    with read() as stream:
        assert len(list(stream)) == 1
    assert "carries retractions" in caplog.text
    with read() as stream:
        assert list(stream.current()) == []


def test_where_and_current(topics: Topics, make: Make) -> None:
    topic = topics.create(3)
    topics.send(topic, [make(jd=2.5, ia=0.2), make(jd=1.5, ia=0.95), make("ZTF2", ia=0.9), make("ZTF2", ia=0.1, jd=1)])
    likely = filters.probability("SN Ia", 0.9)
    with Classifications(topics.brokers, topic=topic, until_end=True, where=likely) as stream:
        assert sorted(record.object_id for record in stream) == ["ZTF1", "ZTF2"]
        assert stream.counts.filtered == 2
    with Classifications(topics.brokers, topic=topic) as stream:
        answers = stream.current()
    assert [(record.object_id, record.probability("SN Ia")) for record in answers] == [("ZTF1", 0.2), ("ZTF2", 0.9)]
    with (
        Classifications(topics.brokers, topic=topic, where=likely) as stream,
        pytest.raises(ValueError, match="filter"),
    ):
        stream.current()


def test_a_group_resumes_at_the_first_record_that_was_not_finished(topics: Topics, make: Make, group: str) -> None:
    topic = topics.create()
    topics.send(topic, [make(revision=number) for number in range(6)])
    saved: list[int] = []
    seen: list[int] = []

    def read(**options: Any) -> Classifications:
        return Classifications(
            topics.brokers, group, topic=topic, before_commit=lambda: saved.append(len(seen)), **options
        )

    with read() as stream:
        for record in stream:
            seen.append(record.light_curve.revision)
            if len(seen) == 2:
                break
    # The second was in hand: only the first is committed, and what was made of it was saved before.
    assert committed(topics.brokers, group, topic) == 1
    assert saved == [2]
    with read(commit="manual") as stream:
        assert [next(stream).light_curve.revision for _ in range(2)] == [1, 2]
        stream.commit()
        assert committed(topics.brokers, group, topic) == 3
        assert next(stream).light_curve.revision == 3
        assert next(stream).light_curve.revision == 4
    assert committed(topics.brokers, group, topic) == 3
    with pytest.raises(RuntimeError, match="mine"), read() as stream:
        raise RuntimeError(f"mine, of {next(stream)}")
    with read(until_end=True, commit_interval=0.0) as stream:
        assert [record.light_curve.revision for record in stream] == [3, 4, 5]
        # Also before the stream is closed.
        assert committed(topics.brokers, group, topic) == 6
    with read(until_end=True) as stream:
        assert list(stream) == []
    with pytest.raises(ValueError, match="closed"):
        next(stream)


def test_where_a_group_begins(topics: Topics, make: Make, group: str) -> None:
    topic = topics.create()
    topics.send(topic, [make(revision=1)])
    time.sleep(0.02)
    between = datetime.now(timezone.utc)
    time.sleep(0.02)
    topics.send(topic, [make(revision=2), make(revision=3)])

    def revisions(name: str | None, start: Any, **options: Any) -> list[int]:
        with Classifications(topics.brokers, name, topic=topic, start=start, until_end=True, **options) as stream:
            return [record.light_curve.revision for record in stream]

    assert revisions(None, between) == [2, 3]
    assert revisions(None, "latest") == []
    assert revisions(group, between) == [2, 3]
    assert revisions(group, between) == []
    assert revisions(f"{group}-late", between + timedelta(days=1)) == []
    # The position is committed at once: what comes later is not skipped by a second "latest".
    assert revisions(f"{group}-latest", "latest") == []
    topics.send(topic, [make(revision=4)])
    assert revisions(f"{group}-latest", "latest") == [4]
    cooperative = {"partition.assignment.strategy": "cooperative-sticky"}
    assert revisions(f"{group}-cooperative", between, config=cooperative) == [2, 3, 4]


READER = """
import os, sys, time
from hierax_client import Classifications
brokers, group, topic, path = sys.argv[1:]
out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
# A static member has its partitions again at once.
config = {"group.instance.id": "one"}
with Classifications(brokers, group, topic=topic, commit_interval=0.05, until_end=True, config=config) as stream:
    for record in stream:
        os.write(out, (record.id + "\\n").encode())
        time.sleep(0.0005)  # so that there is something left to be killed
"""


def test_kill_9_loses_no_record(topics: Topics, make: Make, group: str, tmp_path: Path) -> None:
    topic, path = topics.create(3), tmp_path / "ids"
    bodies = [make(f"ZTF{number % 50}", revision=number) for number in range(6000)]
    topics.send(topic, bodies)
    path.touch()
    arguments = [sys.executable, "-c", READER, topics.brokers, group, topic, str(path)]

    def lines() -> int:
        return path.read_text().count("\n")

    for _ in range(3):
        before = lines()
        reader = subprocess.Popen(arguments, env=os.environ)
        try:
            until(lambda before=before: lines() > before + 700)  # type: ignore[misc]
        finally:
            reader.kill()
            reader.wait()
    assert lines() < len(bodies)
    subprocess.run(arguments, env=os.environ, check=True, timeout=PATIENCE)
    read = path.read_text().split()
    assert set(read) == {body["id"] for body in bodies}
    # Redelivered is what was read shortly before a kill; offsets did move.
    assert len(read) < 3 * len(bodies)
    assert sum(max(committed(topics.brokers, group, topic, number), 0) for number in range(3)) == len(bodies)


def test_members_of_a_group_share_the_partitions(topics: Topics, make: Make, group: str) -> None:
    topic = topics.create(4)
    expected = {body["id"] for body in (make(f"ZTF{number}", revision=number) for number in range(2000))}
    topics.send(topic, [make(f"ZTF{number}", revision=number) for number in range(2000)])
    read: dict[str, list[str]] = {"one": [], "two": []}
    done = threading.Event()

    def member(name: str) -> None:
        with Classifications(topics.brokers, group, topic=topic, timeout=0.2, commit_interval=0.1) as stream:
            while not done.is_set():
                for record in stream:
                    read[name].append(record.id)
                    time.sleep(0.0005)  # so that the rebalance comes in the middle

    threads = [threading.Thread(target=member, args=(name,)) for name in read]
    threads[0].start()
    until(lambda: len(read["one"]) > 100)
    threads[1].start()
    until(lambda: len(read["two"]) > 0 or set(read["one"]) == expected)
    more = [make(f"ZTF{number}", revision=9000 + number) for number in range(200)]
    topics.send(topic, more)
    expected |= {body["id"] for body in more}
    until(lambda: set(read["one"]) | set(read["two"]) == expected)
    done.set()
    for thread in threads:
        thread.join(PATIENCE)
    for ids in read.values():
        assert len(ids) == len(set(ids))


def test_a_registry_that_is_down_costs_no_record(topics: Topics, make: Make, group: str) -> None:
    topic = topics.create()
    topics.send(topic, [make(revision=1)])
    topics.send(topic, [b"\0\0\0\0\1x"])
    registry = Registry("http://127.0.0.1:9", timeout=0)
    with Classifications(topics.brokers, group, topic=topic, registry=registry, until_end=True) as stream:
        assert next(stream).light_curve.revision == 1
        for _ in range(2):
            with pytest.raises(RegistryError):
                next(stream)
    assert committed(topics.brokers, group, topic) == 1


def test_a_topic_that_comes_later_is_waited_for(
    topics: Topics, make: Make, group: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{group}-later"
    with pytest.raises(StreamError, match="does not exist"), Classifications(topics.brokers, topic=name) as stream:
        next(stream)
    config = {"topic.metadata.refresh.interval.ms": 200}
    with Classifications(topics.brokers, group, topic=name, config=config, timeout=0.5) as stream:
        assert list(stream) == []
        assert "does not exist yet" in caplog.text
        topics._admin.create_topics([_new_topic(name)])[name].result(PATIENCE)
        topics.send(name, [make()])
        until(lambda: len(list(stream)) == 1)


def _new_topic(name: str) -> Any:
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    return NewTopic(name, 1, 1)


def test_errors_say_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "hierax_client.kafka")
    with Classifications("127.0.0.1:9", connect_timeout=1) as stream:
        for _ in range(2):
            with pytest.raises(StreamError, match=r"no broker of 127\.0\.0\.1:9 answered within 1 s"):
                next(stream)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"topic": []}, "name at least one topic"),
        ({"start": "middle"}, "start must be"),
        ({"start": datetime(2026, 1, 1)}, "needs a time zone"),
        ({"commit": "never"}, "commit must be"),
        ({"group": ""}, "needs a name"),
        ({"registry": "registry:8081"}, "must begin with http"),
        ({"config": {"group.id": "x"}}, "config must not have group.id: use the argument group"),
    ]
    for options, reason in wrong:
        with pytest.raises(ValueError, match=reason):
            Classifications(**options)
    with pytest.raises(ValueError, match="config: No such configuration property"):
        next(Classifications(config={"no.such": "setting"}))
    with pytest.raises(ValueError, match="has no end"):
        Classifications().to_pandas()


def test_bodies_of_bytes_and_json_are_one(topics: Topics, make: Make) -> None:
    topic = topics.create()
    topics.send(topic, [json.dumps(make()).encode()], key="ZTF1")
    with Classifications([topics.brokers], topic=topic, timeout=1) as stream:
        record = next(stream)
        assert record.delivery is not None
        assert str(record.delivery) == f"{topic}/0/0"
        assert record.delivery.key == "ZTF1"
        assert abs(record.delivery.timestamp / 1000 - time.time()) < 3600
        assert list(stream) == []
