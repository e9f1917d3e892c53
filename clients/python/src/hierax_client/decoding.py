"""Decodes the values of messages: Avro containers, JSON, and Confluent's framing with a registry."""

from __future__ import annotations

import base64
import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import fastavro

from ._fields import Body
from .records import (
    Classification,
    DeadLetter,
    Delivery,
    Event,
    Model,
    Retraction,
    Tombstone,
    Unreadable,
    dead_letter,
    is_announcement,
)

_MAGIC = b"Obj\x01"
_CLASSIFICATION, _MODEL = "hierax.classification.v1", "hierax.model.v1"
_MAX_SCHEMAS = 64


class RegistryError(Exception):
    """The schema registry does not answer, or refuses the request. Nothing is skipped: try again."""


class Registry:
    """Schemas of a Confluent-compatible schema registry, by id. Each is requested once.

    Parameters
    ----------
    url
        Address of the registry; ``https://user:password@host`` gives credentials.
    timeout
        Seconds to wait for an answer, repeated attempts included.
    """

    def __init__(self, url: str, timeout: float = 30) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"the registry's address must begin with http:// or https://: {url!r}")
        self._headers = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if parts.username is not None:
            user = urllib.parse.unquote(f"{parts.username}:{parts.password or ''}")
            self._headers["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self._timeout = timeout
        self._schemas: dict[int, Any] = {}

    def schema(self, number: int) -> Any:
        """The parsed schema of an id.

        Raises
        ------
        ValueError
            If the registry has no such schema, or it isn't Avro.
        RegistryError
            If the registry does not answer or refuses.
        """
        if number not in self._schemas:
            answer = self._request(f"{self._url}/schemas/ids/{number}")
            if answer.get("schemaType", "AVRO") != "AVRO":
                raise ValueError(f"schema {number} of the registry is {answer['schemaType']}, not Avro")
            if len(self._schemas) >= _MAX_SCHEMAS:
                self._schemas.clear()
            self._schemas[number] = _parsed(answer["schema"])
        return self._schemas[number]

    def _request(self, url: str) -> Any:
        end, pause = time.monotonic() + self._timeout, 0.1
        while True:
            try:
                request = urllib.request.Request(url, headers=self._headers)
                with urllib.request.urlopen(request, timeout=max(self._timeout, 0.1)) as response:
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    raise ValueError(f"the schema registry has no {url}") from None
                problem = f"HTTP {error.code} {error.reason}"
                if error.code < 500 and error.code != 429:
                    raise RegistryError(f"{url}: {problem}") from error
            except (OSError, ValueError) as error:
                problem = str(getattr(error, "reason", error))
            if time.monotonic() + pause > end:
                raise RegistryError(f"{url}: {problem} (for {self._timeout:g} s)")
            time.sleep(pause)
            pause = min(2 * pause, 5)


class Decoder:
    """Decodes the messages of all releases, whichever encoding they have.

    Parameters
    ----------
    registry
        Registry or its address; needed only for ``output.encoding: confluent``.
    """

    def __init__(self, registry: Registry | str | None = None) -> None:
        self._registry = Registry(registry) if isinstance(registry, str) else registry
        # By the bytes up to the first block: the messages of a release begin with the same bytes.
        self._containers: dict[bytes, Any] = {}

    def classification(self, value: bytes, delivery: Delivery | None = None) -> Classification:
        """The classification in a message's value.

        Parameters
        ----------
        value
            Bytes of the message: an Avro container with one record, a JSON object, or a zero byte, a
            schema id of four bytes and an Avro record.
        delivery
            Where the message was read.

        Raises
        ------
        ValueError
            If the value can't be decoded; the text says why.
        RegistryError
            If the schema registry does not answer.
        """
        return Classification.from_message(self.body(value), delivery)

    def body(self, value: bytes) -> Body:
        """The decoded message with its published names; `candid` is an int. Raises as above."""
        try:
            body = self._decoded(value)
        except (ValueError, RegistryError):
            raise
        except Exception as error:  # whatever a decoder raises on malformed bytes
            raise ValueError(f"it can't be decoded ({type(error).__name__}: {error})") from error
        if not isinstance(body, Mapping):
            raise ValueError(f"it holds a {type(body).__name__}, not a record")
        if isinstance(candid := body.get("candid"), str) and candid.removeprefix("-").isdecimal():
            return {**body, "candid": int(candid)}
        return body

    def event(self, value: bytes | None, delivery: Delivery) -> Event:
        """What a message is. What can't be decoded is `Unreadable`; raises only RegistryError."""
        try:
            return self._event(value, delivery)
        except ValueError as error:
            return Unreadable(str(error), value or b"", delivery)

    def _event(self, value: bytes | None, delivery: Delivery) -> Event:
        headers = delivery.headers
        if "error.code" in headers:
            letter: DeadLetter = dead_letter(value or b"", delivery)
            return letter
        if not value:
            if value is None:
                return Tombstone(delivery.key, delivery)
            raise ValueError("it is empty")
        schema = headers.get("schema")
        if schema not in (None, _CLASSIFICATION, _MODEL):
            raise ValueError(f"its schema is {schema}, which this release of the client can't read")
        body = self.body(value)
        if schema == _MODEL or (schema is None and is_announcement(body)):
            return Model.from_message(body, delivery)
        classification = Classification.from_message(body, delivery)
        if "retracted" in headers:
            conditions = tuple(name for name in headers["retracted"].split(",") if name)
            return Retraction(classification, conditions)
        return classification

    def _decoded(self, value: bytes) -> Any:
        if value.startswith(_MAGIC):
            return self._from_container(value)
        if value[:64].lstrip()[:1] == b"{":
            return json.loads(value, parse_constant=_no_constant)
        if value[:1] == b"\0" and len(value) > 5:
            number = int.from_bytes(value[1:5], "big")
            if self._registry is None:
                raise ValueError(f"it has Confluent's framing (schema {number}): give the address of the registry")
            return _record(value[5:], self._registry.schema(number))
        raise ValueError(f"it begins with {value[:8]!r}, which is neither Avro nor JSON")

    def _from_container(self, value: bytes) -> Any:
        for head, schema in self._containers.items():
            if value.startswith(head):
                return _record(_only_block(value, len(head)), schema)
        stream = io.BytesIO(value)
        reader = fastavro.reader(stream)
        # The reader has read the head only: with it, later messages need no schema of their own.
        if reader.metadata.get("avro.codec", "null") == "null":
            if len(self._containers) >= _MAX_SCHEMAS:
                self._containers.clear()
            head = value[: stream.tell()]
            self._containers[head] = _parsed(reader.metadata["avro.schema"])
            return _record(_only_block(value, len(head)), self._containers[head])
        records = list(reader)
        if len(records) != 1:
            raise ValueError(f"it holds {len(records)} records instead of one")
        return records[0]


def _parsed(schema: str) -> Any:
    return fastavro.parse_schema(json.loads(schema))


def _record(data: bytes, schema: Any) -> Any:
    stream = io.BytesIO(data)
    record = fastavro.schemaless_reader(stream, schema, None)
    if stream.tell() != len(data):
        raise ValueError(f"{len(data) - stream.tell()} bytes are left after the record")
    return record


def _only_block(value: bytes, at: int) -> bytes:
    """The record of a container's only block, which ends with the 16 bytes that end the head."""
    count, at_size = _long(value, at)
    size, start = _long(value, at_size)
    if count != 1:
        raise ValueError(f"it holds {count} records instead of one")
    if size < 0 or value[start + size :] != value[at - 16 : at]:
        raise ValueError("its block does not end where it says")
    return value[start : start + size]


def _long(value: bytes, at: int) -> tuple[int, int]:
    """A zigzag-encoded integer, and where it ends."""
    number = shift = 0
    while shift < 64 and at < len(value):
        byte = value[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
    raise ValueError("it is cut off")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")
