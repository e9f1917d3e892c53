"""The HTTP interface, against a stand-in and, in the project's tests, a running service."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from hierax_client import Service, ServiceError

POINT = {"jd": 2459000.5, "mjd": 59000.0, "band": "g", "type": "detection", "magnitude": 18.5, "error": 0.1}
POINT |= {"positive": True, "candid": "2695378462115010013", "realBogus": 0.9, "admitted": True}
LIMIT = {**POINT, "type": "upperLimit", "error": None, "positive": None, "candid": None, "realBogus": None}
CLASSIFIER = {"name": "m", "version": "1", "sha256": "00", "taxonomy": "t", "taxonomyVersion": "1"}
MOMENT = {"jd": 2459000.5, "mjd": 59000.0, "band": "g", "candid": "5", "detections": 1, "probabilities": [0.75, 0.25]}
MOMENT |= {"prediction": {"node": "A", "probability": 0.75, "path": ["A"]}, "novelty": None, "evidence": []}


@pytest.fixture
def server(sample: dict[str, Any]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    requests: list[tuple[str, str | None]] = []
    answers: dict[str, Any] = {
        "/api/v1/objects/ZTF1": {"objectId": "ZTF1", "lightCurve": [LIMIT, POINT], "classification": sample},
        "/api/v1/objects/ZTF1/history?limit=300": {
            "objectId": "ZTF1",
            "classifier": CLASSIFIER,
            "nodes": [{"name": "A", "parent": None}, {"name": "B", "parent": "A"}],
            "moments": [MOMENT],
        },
        "/api/v1/objects/broken": [],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers.get("Authorization")))
            found = self.path in answers
            self.send_response(200 if found else 404)
            self.end_headers()
            problem = {"code": "OBJECT_NOT_FOUND", "detail": "no alert of it"}
            self.wfile.write(json.dumps(answers.get(self.path, problem)).encode())

        def log_message(self, *_: Any) -> None:
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}", requests
    httpd.shutdown()
    httpd.server_close()


def test_an_object_and_its_history(server: tuple[str, list[Any]]) -> None:
    service = Service(f"{server[0]}/", token="secret")
    found = service.object("ZTF1")
    assert [point.is_detection for point in found.light_curve] == [False, True]
    assert found.light_curve[1].candid == 2695378462115010013
    assert found.classification is not None
    assert found.classification.probability("CC") == 0.7425
    history = service.history("ZTF1")
    assert history.parents == {"A": None, "B": "A"}
    [moment] = history.moments
    assert (moment.probabilities, moment.candid) == ({"A": 0.75, "B": 0.25}, 5)
    assert [authorization for _, authorization in server[1]] == ["Bearer secret"] * 2


def test_as_tables(server: tuple[str, list[Any]]) -> None:
    pytest.importorskip("pandas")
    service = Service(server[0])
    curve = service.object("ZTF1").to_pandas()
    assert curve["candid"].tolist()[1] == 2695378462115010013
    assert curve.columns[0] == "jd"
    assert service.history("ZTF1").to_pandas()["P(B)"].tolist() == [0.25]


def test_errors(server: tuple[str, list[Any]]) -> None:
    service = Service(server[0], timeout=5)
    with pytest.raises(ServiceError, match="HTTP 404: no alert of it") as thrown:
        service.object("a/b?")
    assert (thrown.value.status, thrown.value.code) == (404, "OBJECT_NOT_FOUND")
    assert server[1][-1][0] == "/api/v1/objects/a%2Fb%3F"
    with pytest.raises(ServiceError, match="an object was expected"):
        service.object("broken")
    with pytest.raises(ServiceError) as thrown:
        Service("http://127.0.0.1:9", timeout=1).object("ZTF1")
    assert thrown.value.status is None
    with pytest.raises(ValueError, match="must begin with http"):
        Service("localhost:8080")


@pytest.mark.skipif("HIERAX_URL" not in os.environ, reason="needs HIERAX_URL: a running service")
def test_a_running_service(brokers: str) -> None:
    from hierax_client import Classifications

    with Classifications(brokers, topic=os.environ["HIERAX_TOPIC"], timeout=10) as stream:
        record = next(record for record in stream if record.is_classified)
    service = Service(os.environ["HIERAX_URL"])
    found = service.object(record.object_id)
    assert found.classification is not None
    assert found.classification.jd >= record.jd
    history = service.history(record.object_id, record.classifier.name)
    # Only of the newest alert does the service keep the context that its classification used. It rounds the history.
    current = found.classification
    moment = next(moment for moment in history.moments if moment.jd == current.jd)
    assert dict(moment.probabilities) == pytest.approx(dict(current.probabilities), abs=2e-6)
    with pytest.raises(ServiceError) as thrown:
        service.object("ZTF00nothing")
    assert thrown.value.code == "OBJECT_NOT_FOUND"
