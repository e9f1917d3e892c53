"""Messages of every release and encoding; bytes that are none."""

from __future__ import annotations

import io
import json
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pytest
from conftest import HISTORY
from hypothesis import given, settings
from hypothesis import strategies as st

from hierax_client import (
    Classification,
    DeadLetter,
    Decoder,
    Delivery,
    Model,
    Registry,
    RegistryError,
    Retraction,
    Tombstone,
    Unreadable,
)

SCHEMA = json.loads((HISTORY.parent / "classification.avsc").read_text("utf-8"))
RELEASES = sorted(path.name.removesuffix(".message.avro") for path in HISTORY.glob("*.message.avro"))
PLACE = Delivery("topic", 0, 7)


def value_of(release: str, encoding: str = "avro") -> bytes:
    return (HISTORY / f"{release}.message.{encoding}").read_bytes()


def meaning_of(release: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(value_of(release, "json"))
    return {**body, "candid": int(body["candid"])}


def container(body: dict[str, Any], schema: Any = SCHEMA, codec: str = "null", copies: int = 1) -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, schema, [body] * copies, codec=codec)
    return stream.getvalue()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("encoding", ["avro", "json"])
def test_reads_the_messages_of_every_release(release: str, encoding: str) -> None:
    decoder = Decoder()
    for _ in range(2):  # the second time with the head known
        record = decoder.classification(value_of(release, encoding))
        assert record.body == meaning_of(release)
    assert record.candid == 2695378462115010013
    assert record.probability("CC") == 0.7425
    assert record.light_curve.revision == 20
    assert record.prediction is not None
    assert record.prediction.path == ("Transient", "CC")
    assert record.time is not None
    assert record.time.isoformat(timespec="minutes") == "2020-01-08T10:47+00:00"


def test_fields_that_the_first_release_did_not_have_are_empty() -> None:
    record = Decoder().classification(value_of("classification-v1"))
    assert (record.evidence, record.context, record.population) == ((), None, None)
    assert (record.light_curve.peak, record.light_curve.dropped_points) == ({}, 0)
    assert record.log_odds("Transient") is None
    assert record.age is None


@pytest.mark.skipif("HIERAX_SAMPLES" not in os.environ, reason="needs HIERAX_SAMPLES: messages of this release")
def test_reads_what_this_release_writes() -> None:
    folder = Path(os.environ["HIERAX_SAMPLES"])
    expected = json.loads((folder / "sample.json").read_text("utf-8"))

    class Stub(Registry):
        def _request(self, url: str) -> Any:
            return {"schema": json.dumps(SCHEMA)}

    paths = list(folder.iterdir())
    assert len(paths) >= 3
    for path in paths:
        body = dict(Decoder(Stub("http://registry")).body(path.read_bytes()))
        assert {**body, "candid": str(body["candid"])} == expected, path.name


def test_fields_of_later_releases_are_kept() -> None:
    body = {**meaning_of("classification-v1.1"), "colour": {"of": "later"}, "alert": None}
    body["nodes"][0]["extra"] = 1
    record = Decoder().classification(json.dumps(body).encode())
    assert record.body["colour"] == {"of": "later"}
    schema = json.loads(json.dumps(SCHEMA))
    schema["fields"].append({"name": "colour", "type": "string"})
    record = Decoder().classification(container({**body, "colour": "blue"}, schema))
    assert record.body["colour"] == "blue"


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_reads_compressed_containers(codec: str) -> None:
    decoder = Decoder()
    for _ in range(2):
        assert decoder.body(container(meaning_of("classification-v1.1"), codec=codec))["jd"] == 2458856.9495718


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "it is empty"),
        (b"<html>", "neither Avro nor JSON"),
        (b'{"id": ', "can't be decoded|Expecting"),
        (b'{"id": "x"}', "the field objectId is missing"),
        (b"{" * 100_000, "RecursionError|Expecting"),
        (b"\0\0\0\0\7abc", "Confluent's framing .schema 7.*registry"),
        (value_of("classification-v1")[:-20], "does not end|cut off"),
        (value_of("classification-v1")[:300], "cannot read header"),
        (container(meaning_of("classification-v1.1"), copies=2), "holds 2 records"),
        (container(meaning_of("classification-v1.1"), copies=2, codec="deflate"), "holds 2 records"),
        (container({"text": "x"}, {"type": "record", "name": "A", "fields": [{"name": "text", "type": "string"}]}),
         "the field id is missing"),
        (container(5, "int"), "holds a int"),  # type: ignore[arg-type]
        (value_of("classification-v1", "json").replace(b'"jd": 2458856.9495718', b'"jd": "x"'), "jd: a number was"),
        (value_of("classification-v1", "json").replace(b'"jd": 2458856.9495718', b'"jd": NaN'), "NaN"),
    ],
)  # fmt: skip
def test_says_why_a_message_is_unreadable(value: bytes, reason: str) -> None:
    event = Decoder().event(value, PLACE)
    assert isinstance(event, Unreadable)
    assert event.value == value
    assert re.search(reason, event.reason), event.reason


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_malformed_bytes_never_raise(data: st.DataObject) -> None:
    value = bytearray(value_of(data.draw(st.sampled_from(RELEASES)), data.draw(st.sampled_from(["avro", "json"]))))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(value[: data.draw(st.integers(0, len(value)))])
    decoder = Decoder()
    decoder.event(value_of("classification-v1"), PLACE)
    for one in (bytes(value), cut, data.draw(st.binary(max_size=40))):
        decoder.event(one, PLACE)


def test_tells_the_kinds_of_messages_apart() -> None:
    decoder, value = Decoder(), value_of("classification-v1.1")

    def event(value: bytes | None, **headers: str) -> Any:
        names = {name.replace("_", "."): text for name, text in headers.items()}
        return decoder.event(value, Delivery("t", 0, 1, 5, "key", names))

    assert isinstance(event(value, schema="hierax.classification.v1"), Classification)
    retraction = event(value, retracted="minProbability,maxAgeDays")
    assert isinstance(retraction, Retraction)
    assert retraction.conditions == ("minProbability", "maxAgeDays")
    letter = event(b"packet", error_code="NOT_A_CONTAINER", error_message="why", source="a/0/7", error_record="2")
    assert isinstance(letter, DeadLetter)
    assert (letter.code, letter.source, letter.record, letter.value) == ("NOT_A_CONTAINER", "a/0/7", 2, b"packet")
    assert isinstance(event(None, error_code="TOO_LARGE"), DeadLetter)
    assert event(None) == Tombstone("key", Delivery("t", 0, 1, 5, "key"))
    assert isinstance(event(b""), Unreadable)
    later = event(value, schema="hierax.classification.v2")
    assert isinstance(later, Unreadable)
    assert "hierax.classification.v2" in later.reason


def test_reads_announcements_of_models() -> None:
    classifier = {"name": "a", "version": "1", "sha256": "00", "taxonomy": "t", "taxonomyVersion": "1"}
    body: dict[str, Any] = {
        **classifier,
        "status": "retired",
        "since": "2026-01-01T00:00:00Z",
        "announced": "2026-01-01T00:10:00Z",
    }
    body |= {"successor": {**classifier, "version": "2"}, "topics": ["hierax.classifications"], "process": "p"}
    headers: dict[str, str]
    for headers in ({}, {"schema": "hierax.model.v1"}):
        event = Decoder().event(json.dumps(body).encode(), Delivery("t", 0, 1, headers=headers))
        assert isinstance(event, Model)
        assert event.is_retired
        assert event.successor is not None
        assert event.successor.version == "2"


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    """A stand-in for the registry's one route: schema 258 is the message's, 3 is protobuf, 4 is busy at first."""
    state: dict[str, Any] = {"requests": [], "busy": 1}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state["requests"].append((self.path, self.headers.get("Authorization")))
            number = self.path.rpartition("/")[2]
            body: dict[str, Any] = {"schema": json.dumps(SCHEMA)}
            status = 200
            if number == "3":
                body["schemaType"] = "PROTOBUF"
            elif number == "4" and state["busy"] > 0:
                state["busy"] -= 1
                status = 503
            elif number == "401":
                status = 401
            elif number not in ("258", "4"):
                status = 404
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state["address"] = f"127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


def framed(number: int) -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(SCHEMA), meaning_of("classification-v1.1"))
    return b"\0" + number.to_bytes(4, "big") + stream.getvalue()


def test_reads_confluents_framing_with_a_registry(registry: dict[str, Any]) -> None:
    decoder = Decoder(f"http://user:p%40ss@{registry['address']}/")
    for _ in range(3):
        assert decoder.classification(framed(258)).object_id == "ZTF20aaelulu"
    assert decoder.classification(framed(4)).object_id == "ZTF20aaelulu"
    # Basic credentials of user:p@ss; a schema is requested once, and again after an answer of 503.
    assert registry["requests"] == [
        ("/schemas/ids/258", "Basic dXNlcjpwQHNz"),
        ("/schemas/ids/4", "Basic dXNlcjpwQHNz"),
        ("/schemas/ids/4", "Basic dXNlcjpwQHNz"),
    ]


def test_a_schema_that_the_registry_lacks_makes_a_message_unreadable(registry: dict[str, Any]) -> None:
    decoder = Decoder(f"http://{registry['address']}")
    for number, reason in ((9, "has no"), (3, "is PROTOBUF, not Avro")):
        event = decoder.event(framed(number), PLACE)
        assert isinstance(event, Unreadable)
        assert reason in event.reason


def test_a_registry_that_does_not_answer_is_no_unreadable_message(registry: dict[str, Any]) -> None:
    with pytest.raises(RegistryError, match="401"):
        Decoder(Registry(f"http://{registry['address']}", timeout=5)).event(framed(401), PLACE)
    with pytest.raises(RegistryError, match=r"for 0\.2 s"):
        Decoder(Registry("http://127.0.0.1:9", timeout=0.2)).event(framed(258), PLACE)
    with pytest.raises(ValueError, match="must begin with http"):
        Registry("registry:8081")
