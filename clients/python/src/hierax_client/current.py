"""Which classification of an object is current, and which messages are duplicates."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from .records import Classification, DeadLetter, Delivery, Event, Model, Retraction, Tombstone

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


class Duplicates:
    """Tells messages that were already read, by id. The ids that were not met for longest are forgotten.

    Parameters
    ----------
    remembered
        Number of ids that are kept, about 0.3 kB each; 0 for none.
    """

    def __init__(self, remembered: int = 100_000) -> None:
        self._remembered = remembered
        self._ids: OrderedDict[str, tuple[object, ...]] = OrderedDict()
        # By object, how many tombstones it had: what they removed is new when it is published again.
        self._removed: OrderedDict[str, int] = OrderedDict()

    def is_new(self, event: Event) -> bool:
        """Whether to handle the message. Notes that it was read.

        Classifications and retractions are distinguished by their `id`, dead letters by their
        `source`. A retraction has the id of a classification: it is new if that was not retracted
        when the id was last met. Other messages are always new.
        """
        mark: tuple[object, ...] = ()
        if isinstance(event, Classification):
            key, mark = event.id, (self._removed.get(event.object_id),)
        elif isinstance(event, Retraction):
            key, mark = event.classification.id, ("retracted", *event.conditions)
        elif isinstance(event, DeadLetter):
            key = f"{event.source} {event.record}"
        else:
            if isinstance(event, Tombstone) and event.key is not None:
                object_id = _object_of(event.key)[0]
                self._remember(self._removed, object_id, self._removed.get(object_id, 0) + 1)
            return True
        known = self._ids.get(key)
        self._remember(self._ids, key, mark)
        return known != mark

    def _remember(self, kept: OrderedDict[str, T], key: str, value: T) -> None:
        kept[key] = value
        kept.move_to_end(key)
        if len(kept) > self._remembered:
            kept.popitem(last=False)


def _object_of(key: str) -> tuple[str, str]:
    """Object and model (SHA-256, or nothing) of the key of a compacted topic."""
    object_id, _, model = key.rpartition("/")
    return (object_id, model) if object_id else (key, "")


_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
  object_id TEXT, model TEXT, jd REAL, candid INTEGER, revision INTEGER, published INTEGER,
  id TEXT, body TEXT, PRIMARY KEY (object_id, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS models (sha256 TEXT PRIMARY KEY, announced TEXT, retired INTEGER) WITHOUT ROWID;
"""

#: Replaces an answer by a greater one of another id. A retraction (a body of null) keeps its rank.
_UPSERT = """
INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
SET jd = excluded.jd, candid = excluded.candid, revision = excluded.revision,
    published = excluded.published, id = excluded.id, body = excluded.body
WHERE (excluded.id <> answers.id OR (excluded.body IS NULL) <> (answers.body IS NULL))
  AND (excluded.jd, excluded.candid, excluded.revision, excluded.published)
    > (answers.jd, answers.candid, answers.revision, answers.published)
"""


class CurrentAnswers:
    """The current classification of every object, for each model, on one topic.

    Of an object's messages by one model, the one with the greatest (`jd`, `candid`,
    `light_curve.revision`) is current, in whatever order they arrive; if all three are equal, the
    one with the later Kafka timestamp.

    Parameters
    ----------
    path
        SQLite file in which the answers are kept; without it they are in memory. With a file, call
        `flush` before the offsets are committed: ``Classifications(..., before_commit=answers.flush)``.

    Examples
    --------
    >>> answers = CurrentAnswers()
    >>> len(answers)
    0
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        # Not bound to a thread: a notebook may read what another thread collects.
        self._database = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False)
        if path is not None:
            self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(_TABLES)

    def __enter__(self) -> CurrentAnswers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Writes what was added, and closes the file."""
        self._database.commit()
        self._database.close()

    def flush(self) -> None:
        """Writes what was added to the file."""
        self._database.commit()

    def add(self, event: Event) -> bool:
        """Takes a message of any kind into account.

        A retraction removes the object of its topic, an announcement of a retired model the
        model's answers, a tombstone the answers of its key. Other kinds change nothing.

        Returns
        -------
        bool
            True for a classification that is now the current one: not for a duplicate, for an
            older message, or for one of a retired model.
        """
        if isinstance(event, Classification):
            return not self._is_retired(event.classifier.sha256) and self._put(event, event.body)
        if isinstance(event, Retraction):
            self._put(event.classification, None)
        elif isinstance(event, Model):
            self._announce(event)
        elif isinstance(event, Tombstone) and event.key is not None:
            self._bury(event.key)
        return False

    def get(self, object_id: str, model: str | None = None) -> Classification | None:
        """The current classification of an object.

        Parameters
        ----------
        object_id
            ZTF object.
        model
            Name or SHA-256 of the model. If several versions have the name, or without a model if
            several have answers, the one with the greatest rank is returned.
        """
        found = [
            answer
            for answer in self._select("object_id = ?", (object_id,))
            if model is None or model in (answer.classifier.name, answer.classifier.sha256)
        ]
        return max(found, key=lambda answer: answer.rank, default=None)

    def __iter__(self) -> Iterator[Classification]:
        """All current classifications, by object and model."""
        return self._select("TRUE", ())

    def __len__(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM answers WHERE body IS NOT NULL").fetchone()
        return int(count)

    def __contains__(self, object_id: object) -> bool:
        return isinstance(object_id, str) and self.get(object_id) is not None

    def to_pandas(self) -> pandas.DataFrame:
        """One row per answer; the columns are those of `hierax_client.to_pandas`."""
        from .tables import to_pandas

        return to_pandas(self)

    def _select(self, where: str, values: tuple[Any, ...]) -> Iterator[Classification]:
        rows = self._database.execute(
            f"SELECT body, published FROM answers WHERE body IS NOT NULL AND {where} ORDER BY object_id, model",
            values,
        )
        for text, published in rows.fetchall() if values else rows:
            delivery = Delivery("", -1, -1, published)
            yield Classification.from_message(json.loads(text), delivery)

    def _put(self, answer: Classification, body: Any) -> bool:
        jd, candid, revision, published = answer.rank
        changed = self._database.execute(
            _UPSERT,
            (
                answer.object_id,
                answer.classifier.sha256,
                jd,
                candid,
                revision,
                published,
                answer.id,
                None if body is None else json.dumps(body),
            ),
        )
        return changed.rowcount == 1

    def _is_retired(self, sha256: str) -> bool:
        row = self._database.execute("SELECT retired FROM models WHERE sha256 = ?", (sha256,)).fetchone()
        return row is not None and bool(row[0])

    def _announce(self, model: Model) -> None:
        changed = self._database.execute(
            "INSERT INTO models VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET announced = excluded.announced, retired = excluded.retired"
            " WHERE excluded.announced > models.announced",
            (model.sha256, model.announced, model.is_retired),
        )
        if changed.rowcount == 1 and model.is_retired:
            self._database.execute("DELETE FROM answers WHERE model = ?", (model.sha256,))

    def _bury(self, key: str) -> None:
        object_id, model = _object_of(key)
        self._database.execute(
            "DELETE FROM answers WHERE object_id = ? AND (? = '' OR model = ?)",
            (object_id, model, model),
        )
