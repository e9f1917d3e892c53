"""Reads messages from Kafka: decoding, duplicates, offsets, rebalances, errors."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from .current import CurrentAnswers, Duplicates
from .decoding import Decoder, Registry
from .filters import Filter
from .records import (
    Classification,
    DeadLetter,
    Delivery,
    Event,
    Model,
    Retraction,
    Tombstone,
    Unreadable,
)

if TYPE_CHECKING:
    import pandas

log = logging.getLogger("hierax_client")

#: Longest wait in one call of librdkafka, seconds; signals are handled in between.
_POLL = 0.5
#: The same problem with the cluster is logged once in so many seconds.
_QUIET = 60.0
_IN_CHARGE = {
    "bootstrap.servers": "bootstrap",
    "group.id": "group",
    "auto.offset.reset": "start",
    "enable.auto.commit": "commit",
    "enable.auto.offset.store": "commit",
    "enable.partition.eof": "until_end",
}
#: Errors that waiting does not cure.
_HOPELESS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.INVALID_GROUP_ID,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
#: Another member of the group has the partition now.
_REBALANCED = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._STATE,
    }
)
_Place = tuple[str, int]


class StreamError(Exception):
    """The cluster can't be read: no broker answers, credentials or rights are missing, a fatal error."""


@dataclass
class Counts:
    """What a stream has read so far.

    Attributes
    ----------
    messages
        All messages, redelivered ones included.
    duplicates
        Messages that were left out because they had been read before.
    filtered
        Classifications that did not pass `where`.
    unreadable
        Messages that could not be decoded. Each of the first is logged, later ones now and then.
    retractions, dead_letters, models, tombstones
        Messages of these kinds.
    """

    messages: int = 0
    duplicates: int = 0
    filtered: int = 0
    unreadable: int = 0
    retractions: int = 0
    dead_letters: int = 0
    models: int = 0
    tombstones: int = 0


class Classifications(Iterator[Classification]):
    """An iterator over the classifications on a topic, each `id` once.

    A record counts as handled when the next one is requested, or when `commit` is called; only then is
    its offset committed. A program that is killed, even with kill -9, gets the records that it had not
    finished again: none is lost. Within one process repeated records are left out. After a restart those of the
    last `commit_interval` seconds can be delivered again; `CurrentAnswers` with a file recognises them.

    Parameters
    ----------
    bootstrap
        Address of a broker, or several.
    group
        Consumer group, whose position Kafka keeps. Processes of one group share the partitions. Without a
        group, every run begins at `start`, reads all partitions and commits nothing.
    topic
        Topic or topics: all classifications, a route such as one by purity, ``hierax.current``,
        ``hierax.models``, ``hierax.dead-letters``.
    start
        Where a group without a position begins: ``earliest``, ``latest``, or a time (with a time zone).
    where
        Filter or filters; a classification must pass all of them. See `hierax_client.filters`.
    until_end
        End when everything has been read that was on the partitions of this process when it got them.
    timeout
        End after so many seconds without a message; None waits forever.
    registry
        Address of the schema registry, for ``output.encoding: confluent``.
    commit
        ``auto``: about every `commit_interval` seconds, on a rebalance and at the end. ``manual``: only
        `commit` commits.
    commit_interval
        Seconds between commits.
    before_commit
        Called before offsets are committed: makes durable what your program made of the records.
    remember
        Number of ids that are kept to recognise duplicates.
    connect_timeout
        Seconds to wait for a first answer of the cluster.
    config
        Further settings of librdkafka, such as ``security.protocol``, ``sasl.mechanism``,
        ``sasl.username``, ``sasl.password``, ``ssl.ca.location``.

    Raises
    ------
    ValueError
        For wrong arguments and settings.
    StreamError
        From the first record on: no broker answers, or it refuses.
    RegistryError
        The schema registry does not answer. The record is not skipped: request the next one again.

    Examples
    --------
    >>> with Classifications("localhost:9092", "my-team") as stream:  # doctest: +SKIP
    ...     for record in stream:
    ...         print(record.object_id, record.probability("SN Ia"))
    """

    def __init__(
        self,
        bootstrap: str | Sequence[str] = "localhost:9092",
        group: str | None = None,
        *,
        topic: str | Sequence[str] = "hierax.classifications",
        start: Literal["earliest", "latest"] | datetime = "earliest",
        where: Filter | Iterable[Filter] = (),
        until_end: bool = False,
        timeout: float | None = None,
        registry: str | Registry | None = None,
        commit: Literal["auto", "manual"] = "auto",
        commit_interval: float = 1.0,
        before_commit: Callable[[], object] | None = None,
        remember: int = 100_000,
        connect_timeout: float = 30.0,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self._topics = [topic] if isinstance(topic, str) else list(topic)
        if not self._topics or not all(self._topics):
            raise ValueError("name at least one topic")
        if start not in ("earliest", "latest") and not isinstance(start, datetime):
            raise ValueError(f"start must be 'earliest', 'latest' or a datetime, not {start!r}")
        if isinstance(start, datetime) and start.tzinfo is None:
            raise ValueError(f"start needs a time zone, such as tzinfo=timezone.utc: {start!r}")
        if commit not in ("auto", "manual"):
            raise ValueError(f"commit must be 'auto' or 'manual', not {commit!r}")
        if group == "":
            raise ValueError("a group needs a name; None reads without one")
        self._group = group
        self._start = start
        self._where = (where,) if callable(where) else tuple(where)
        self._until_end = until_end
        self._timeout = timeout
        self._commits = commit == "auto"
        self._commit_interval = commit_interval
        self._before_commit = before_commit
        self._connect_timeout = connect_timeout
        self._decoder = Decoder(registry)
        self._duplicates = Duplicates(remember)
        #: What was read so far.
        self.counts = Counts()
        self._bootstrap = bootstrap if isinstance(bootstrap, str) else ",".join(bootstrap)
        self._config = self._settings(config or {})
        self._consumer: Consumer | None = None
        self._closed = False
        self._failure: StreamError | None = None
        self._logged: dict[int, float] = {}
        self._held: Message | None = None
        self._in_hand: tuple[_Place, int] | None = None
        self._handled: dict[_Place, int] = {}
        self._committed_at = time.monotonic()
        # Partitions that have not been read to the end, with their ends; None before the assignment.
        self._left: dict[_Place, int] | None = None

    def __enter__(self) -> Classifications:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Classifications:
        return self

    def __next__(self) -> Classification:
        """The next classification. Other messages are counted and passed over, see `events`."""
        while (event := self._next()) is not None:
            if isinstance(event, Classification):
                return event
            if isinstance(event, Retraction) and self.counts.retractions == 1:
                log.warning(
                    "%s: the topic carries retractions, which iterating passes over: use events(), or current()",
                    event.delivery,
                )
        raise StopIteration

    def events(self) -> Iterator[Event]:
        """All messages: classifications, retractions, dead letters, models, tombstones, unreadable ones."""
        while (event := self._next()) is not None:
            yield event

    def current(self, answers: CurrentAnswers | None = None) -> CurrentAnswers:
        """Reads to the end of the topic, and returns the current classification per object and model.

        Parameters
        ----------
        answers
            To be continued, such as with a file; new ones in memory by default.

        Raises
        ------
        ValueError
            With `where`: a message that passes it need not be current. Filter the answers.
        RuntimeError
            If records were already read.
        """
        if self._where:
            raise ValueError("current() takes no filter of messages: filter the answers instead")
        if self._consumer is not None:
            raise RuntimeError("current() reads from the beginning: call it before iterating")
        self._until_end = True
        answers = CurrentAnswers() if answers is None else answers
        for event in self.events():
            answers.add(event)
        answers.flush()
        return answers

    def to_pandas(self, limit: int | None = None) -> pandas.DataFrame:
        """Reads classifications into a table, as `hierax_client.to_pandas` does.

        Raises
        ------
        ValueError
            If the stream has no end: give `until_end`, `timeout` or `limit`.
        """
        from .tables import to_pandas

        if limit is None and not self._until_end and self._timeout is None:
            raise ValueError("this stream has no end: give until_end=True, timeout or limit")
        return to_pandas(islice(self, limit))

    def commit(self) -> None:
        """Commits all records that were returned, the last one included. Waits for the acknowledgement.

        Raises
        ------
        StreamError
            If the cluster does not accept it; the records are then delivered again after a restart.
        """
        self._finish()
        self._commit(wait=True)

    def close(self) -> None:
        """Commits what was handled (`commit="auto"`) and leaves the group. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if self.counts.unreadable:
            log.warning("%d messages could not be read and were skipped", self.counts.unreadable)
        if self._consumer is None:
            return
        try:
            if self._commits:
                self._commit(wait=True)
        finally:
            self._handled.clear()
            self._consumer.close()

    # Reading

    def _next(self) -> Event | None:
        """The next message that is not left out; None at the end."""
        consumer = self._connected()
        self._finish()
        while (message := self._take(consumer)) is not None:
            delivery = _delivery(message)
            place, following = (delivery.topic, delivery.partition), delivery.offset + 1
            # A registry that does not answer must not cost a record.
            self._held = message
            event = self._decoder.event(_bytes(message.value()), delivery)
            self._held = None
            self._in_hand = (place, following)
            if self._left is not None and following >= self._left.get(place, following + 1):
                del self._left[place]
            self.counts.messages += 1
            if self._is_wanted(event):
                return event
            self._finish()
        if self._commits:
            self._commit(wait=True)
        return None

    def _is_wanted(self, event: Event) -> bool:
        counts = self.counts
        if not self._duplicates.is_new(event):
            counts.duplicates += 1
            return False
        if isinstance(event, Classification):
            if all(passes(event) for passes in self._where):
                return True
            counts.filtered += 1
            return False
        if isinstance(event, Unreadable):
            counts.unreadable += 1
            if counts.unreadable <= 5 or counts.unreadable % 1000 == 0:
                log.warning(
                    "%s: unreadable message %d is skipped: %s",
                    event.delivery,
                    counts.unreadable,
                    event.reason,
                )
        elif isinstance(event, Retraction):
            counts.retractions += 1
        elif isinstance(event, DeadLetter):
            counts.dead_letters += 1
        elif isinstance(event, Model):
            counts.models += 1
        elif isinstance(event, Tombstone):
            counts.tombstones += 1
        return True

    def _take(self, consumer: Consumer) -> Message | None:
        """The next message of the cluster; None at the end."""
        if self._held is not None:
            return self._held
        waiting_since = time.monotonic()
        while not (self._until_end and self._left is not None and not self._left):
            wait = _POLL
            if self._timeout is not None:
                wait = min(wait, max(0.0, waiting_since + self._timeout - time.monotonic()))
            try:
                message = consumer.poll(wait)
            except KafkaException as thrown:  # of a request about newly assigned partitions
                raise self._fail(f"{self._bootstrap}: {thrown.args[0].str()}") from thrown
            if self._failure is not None:
                raise self._failure
            if self._commits and time.monotonic() - self._committed_at >= self._commit_interval:
                self._commit(wait=False)
            if message is None:
                if self._timeout is not None and time.monotonic() - waiting_since >= self._timeout:
                    return None
                continue
            error = message.error()
            if error is None:
                return message
            if error.code() == KafkaError._PARTITION_EOF:
                topic, partition = message.topic(), message.partition()
                if self._left is not None and topic is not None and partition is not None:
                    self._left.pop((topic, partition), None)
            else:
                self._note(error)
                if self._failure is not None:
                    raise self._failure
        return None

    # Offsets

    def _finish(self) -> None:
        """Notes that the record that was returned last has been handled."""
        if self._in_hand is not None:
            place, offset = self._in_hand
            self._handled[place] = offset
            self._in_hand = None

    def _commit(self, *, wait: bool, only: Iterable[_Place] | None = None) -> None:
        """Commits what was handled, on all partitions or some."""
        self._committed_at = time.monotonic()
        places = list(self._handled) if only is None else [at for at in only if at in self._handled]
        if not places or self._consumer is None:
            return
        if self._before_commit is not None:
            self._before_commit()
        offsets = [TopicPartition(*place, self._handled.pop(place)) for place in places]
        if self._group is None:
            return
        try:
            if not wait:
                self._consumer.commit(offsets=offsets, asynchronous=True)
                return
            for result in self._consumer.commit(offsets=offsets, asynchronous=False):
                if result.error is not None:
                    raise KafkaException(result.error)
        except KafkaException as error:
            _raise_unless_rebalanced(error)

    def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is None or error.code() == KafkaError._NO_OFFSET:
            return
        log.warning("offsets were not committed, records can be delivered again: %s", error.str())
        if error.code() not in _REBALANCED:
            for place in partitions:  # for the next attempt
                self._handled.setdefault((place.topic, place.partition), place.offset)

    # Partitions

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._until_end:
            self._measure(consumer, partitions)
        if self._start == "earliest" or not partitions:
            return
        known = consumer.committed(partitions, timeout=self._connect_timeout)
        fresh = [place for place in known if place.offset < 0]
        begun = self._begin(consumer, fresh)
        if begun:
            # Without it a crash before the first commit would begin at a later "latest".
            consumer.commit(offsets=begun, asynchronous=False)
        places = [place for place in known if place.offset >= 0] + begun
        if "cooperative" in str(self._config.get("partition.assignment.strategy")):
            consumer.incremental_assign(places)
        else:
            consumer.assign(places)

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        places = [(place.topic, place.partition) for place in partitions]
        if self._commits and not self._closed:
            try:
                self._commit(wait=True, only=places)
            except StreamError as error:
                log.warning("%s: records can be delivered again", error)
        self._forget(places)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        log.warning(
            "the group gave %d partitions to others, records can be delivered again",
            len(partitions),
        )
        self._forget([(place.topic, place.partition) for place in partitions])

    def _forget(self, places: Iterable[_Place]) -> None:
        for place in places:
            self._handled.pop(place, None)
            if self._left is not None:
                self._left.pop(place, None)
            if self._in_hand is not None and self._in_hand[0] == place:
                self._in_hand = None
            if self._held is not None and (self._held.topic(), self._held.partition()) == place:
                self._held = None

    def _measure(self, consumer: Consumer, partitions: Iterable[TopicPartition]) -> None:
        """Notes the ends of partitions."""
        self._left = {} if self._left is None else self._left
        for place in partitions:
            low, high = self._watermarks(consumer, place)
            if low < high:
                self._left[(place.topic, place.partition)] = high

    def _begin(self, consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
        """Partitions of a group without a position, with the offsets at which to begin."""
        found = {}
        if isinstance(self._start, datetime) and places:
            moment = int(self._start.timestamp() * 1000)
            asked = [TopicPartition(place.topic, place.partition, moment) for place in places]
            answer = consumer.offsets_for_times(asked, timeout=self._connect_timeout)
            found = {(place.topic, place.partition): place.offset for place in answer}
        begun = []
        for place in places:
            offset = found.get((place.topic, place.partition), -1)
            if offset < 0:
                _, offset = self._watermarks(consumer, place)
            begun.append(TopicPartition(place.topic, place.partition, offset))
        return begun

    def _watermarks(self, consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
        marks = consumer.get_watermark_offsets(place, timeout=self._connect_timeout)
        if marks is None:
            raise StreamError(f"{place.topic}/{place.partition}: its offsets are not known in time")
        return marks

    # The connection

    def _settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        for name in config:
            if name in _IN_CHARGE:
                raise ValueError(f"config must not have {name}: use the argument {_IN_CHARGE[name]}")
        return {
            "client.id": f"hierax-client/{_version()}",
            # A topic that is created later is found within half a minute.
            "topic.metadata.refresh.interval.ms": 30_000,
            **config,
            "bootstrap.servers": self._bootstrap,
            "group.id": self._group or f"hierax-client-{os.getpid()}",
            # Also after retention has removed the messages at a group's position.
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "error_cb": self._on_error,
            "on_commit": self._on_commit,
        }

    def _connected(self) -> Consumer:
        if self._closed:
            raise ValueError("the stream is closed")
        if self._failure is not None:
            raise self._failure
        if self._consumer is None:
            try:
                consumer = Consumer(self._config, logger=logging.getLogger("hierax_client.kafka"))
            except KafkaException as error:
                raise ValueError(f"config: {error.args[0].str()}") from error
            self._consumer = consumer
            try:
                self._join(consumer)
            except KafkaException as error:
                raise self._failed(error.args[0]) from error
        return self._consumer

    def _join(self, consumer: Consumer) -> None:
        places: list[TopicPartition] = []
        for topic in self._topics:
            metadata = consumer.list_topics(topic, timeout=self._connect_timeout).topics[topic]
            if metadata.error is not None and metadata.error.code() in _HOPELESS:
                raise KafkaException(metadata.error)
            if metadata.error is not None or not metadata.partitions:
                if self._group is None or self._until_end:
                    raise self._fail(f"the topic {topic} does not exist on {self._bootstrap}")
                log.warning("the topic %s does not exist yet on %s: waiting", topic, self._bootstrap)
            places.extend(TopicPartition(topic, number) for number in metadata.partitions)
        if self._group is not None:
            consumer.subscribe(
                self._topics,
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_lost,
            )
            return
        if self._until_end:
            self._measure(consumer, places)
        if self._start == "earliest":
            consumer.assign([TopicPartition(at.topic, at.partition, OFFSET_BEGINNING) for at in places])
        else:
            consumer.assign(self._begin(consumer, places))

    def _on_error(self, error: KafkaError) -> None:
        self._note(error)

    def _note(self, error: KafkaError) -> None:
        """Keeps an error that waiting does not cure, and logs another one now and then."""
        if error.fatal() or error.code() in _HOPELESS:
            self._fail(f"{self._bootstrap}: {error.str()}")
            return
        now = time.monotonic()
        if now - self._logged.get(error.code(), -_QUIET) >= _QUIET:
            self._logged[error.code()] = now
            log.warning("%s: %s; librdkafka retries", self._bootstrap, error.str())

    def _fail(self, reason: str) -> StreamError:
        self._failure = self._failure or StreamError(reason)
        return self._failure

    def _failed(self, error: KafkaError) -> StreamError:
        """The failure of the first request: the cause, if a callback has reported it."""
        if error.code() in (
            KafkaError._TRANSPORT,
            KafkaError._TIMED_OUT,
            KafkaError._ALL_BROKERS_DOWN,
        ):
            return self._fail(
                f"no broker of {self._bootstrap} answered within {self._connect_timeout:g} s: check the "
                "address, and security.protocol in config"
            )
        return self._fail(f"{self._bootstrap}: {error.str()}")


def _delivery(message: Message) -> Delivery:
    kind, timestamp = message.timestamp()
    key = _bytes(message.key())
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Delivery(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        -1 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp,
        None if key is None else key.decode("utf-8", "replace"),
        {name: value if isinstance(value, str) else (value or b"").decode("utf-8", "replace") for name, value in pairs},
    )


def _bytes(value: Any) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _raise_unless_rebalanced(error: KafkaException) -> None:
    cause = error.args[0]
    if cause.code() not in _REBALANCED:
        raise StreamError(f"offsets were not committed: {cause.str()}") from error
    log.warning("offsets were not committed, records can be delivered again: %s", cause.str())


def _version() -> str:
    try:
        return version("hierax-client")
    except PackageNotFoundError:  # from the sources
        return "source"
