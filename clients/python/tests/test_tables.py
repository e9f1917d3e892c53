"""Tables."""

from __future__ import annotations

import json

import pytest
from conftest import Make, Topics

from hierax_client import Classifications, Decoder, to_pandas

pytest.importorskip("pandas")


def test_one_row_per_classification(make: Make) -> None:
    bodies = [make(ia=0.25), make("ZTF2", status="NOT_CLASSIFIED", nodes=[], prediction=None, evidence=[])]
    table = to_pandas(Decoder().classification(json.dumps(body).encode()) for body in bodies)
    assert table["objectId"].tolist() == ["ZTF1", "ZTF2"]
    assert table["candid"].dtype == "int64"
    assert table["candid"].tolist() == [2695378462115010012] * 2
    assert table["P(SN Ia)"].tolist()[0] == 0.25
    assert table["P(SN Ia)"].isna().tolist() == [False, True]
    assert str(table["time"].dt.tz) == "UTC"
    assert str(table["time"][0])[:16] == "2020-05-31 00:00"
    assert len(to_pandas([])) == 0
    assert to_pandas([])["candid"].dtype == "int64"


def test_of_a_stream_and_of_current_answers(topics: Topics, make: Make) -> None:
    topic = topics.create()
    topics.send(topic, [make(jd=jd) for jd in (1.5, 2459000.5, 2459001.5)])
    with Classifications(topics.brokers, topic=topic) as stream:
        assert stream.to_pandas(limit=2)["jd"].tolist() == [1.5, 2459000.5]
    with Classifications(topics.brokers, topic=topic, until_end=True) as stream:
        assert len(stream.to_pandas()) == 3
    with Classifications(topics.brokers, topic=topic) as stream:
        assert stream.current().to_pandas()["jd"].tolist() == [2459001.5]
