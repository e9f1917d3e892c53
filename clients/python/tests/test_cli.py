"""The command line."""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path

import pytest
from conftest import Make, Topics

from hierax_client import Classifications
from hierax_client.cli import main


@pytest.fixture(scope="module")
def topic(topics: Topics, make: Make) -> str:
    """Three objects, the first with three messages, of which the second is current."""
    name = topics.create(2)
    bodies = [
        make(jd=2459000.5, ia=0.2),
        make(jd=2459002.5, ia=0.95),
        make(jd=2459001.5, ia=0.99),
        make("ZTF2", ia=0.4),
    ]
    refused = make("ZTF3", status="NOT_CLASSIFIED", reason="BOGUS", nodes=[], prediction=None, evidence=[])
    topics.send(name, [*bodies, refused, bodies[0]])
    return name


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capfd.readouterr().out


def test_watch(topics: Topics, topic: str, capfd: pytest.CaptureFixture[str]) -> None:
    place = ["--brokers", topics.brokers, "--topic", topic, "--from", "earliest"]
    lines = run(capfd, "watch", *place, "--node", "SN Ia", "--min", "0.9", "--limit", "2").splitlines()
    assert all("2020-06-0" in line and "r 17.25" in line for line in lines)
    assert sorted(line.split("  ")[-2] for line in lines) == ["SN Ia 0.950", "SN Ia 0.990"]
    [line] = run(capfd, "watch", *place, "--limit", "1", "--json", "--evidence", "Transient:context>=3").splitlines()
    assert json.loads(line)["candid"] == "2695378462115010012"


def test_current(topics: Topics, topic: str, capfd: pytest.CaptureFixture[str]) -> None:
    place = ["--brokers", topics.brokers, "--topic", topic]
    lines = run(capfd, "current", *place, "--node", "SN Ia").splitlines()
    assert [line.split()[2] for line in lines] == ["ZTF1", "ZTF2"]
    assert "SN Ia 0.950  3 detections" in lines[0]
    [line] = run(capfd, "current", *place, "--object", "ZTF3").splitlines()
    assert "not classified: BOGUS" in line
    assert main(["current", *place, "--object", "ZTF9"]) == 1
    assert "no current classification of ZTF9" in capfd.readouterr().err


def test_exports(topics: Topics, topic: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    place = ["--brokers", topics.brokers, "--topic", topic]
    rows = list(csv.DictReader(io.StringIO(run(capfd, "to-csv", *place))))
    assert len(rows) == 5
    assert {row["candid"] for row in rows} == {"2695378462115010012"}
    assert sorted(row["P(SN Ia)"] for row in rows) == ["", "0.2", "0.4", "0.95", "0.99"]
    path = tmp_path / "current.jsonl"
    run(capfd, "to-jsonl", *place, "--current", "--output", str(path))
    bodies = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [(body["objectId"], body["jd"]) for body in bodies] == [
        ("ZTF1", 2459002.5),
        ("ZTF2", 2459000.5),
        ("ZTF3", 2459000.5),
    ]


def test_a_group_resumes(topics: Topics, topic: str, group: str, capfd: pytest.CaptureFixture[str]) -> None:
    place = ["to-jsonl", "--brokers", topics.brokers, "--topic", topic, "--group", group]
    first = run(capfd, *place, "--limit", "2").splitlines()
    others = run(capfd, *place).splitlines()
    ids = [json.loads(line)["id"] for line in first + others]
    assert (len(first), len(set(ids))) == (2, 5)
    assert run(capfd, *place) == ""


def test_settings_of_librdkafka(topics: Topics, topic: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "kafka.properties"
    path.write_text("# how to connect\n\nsecurity.protocol = PLAINTEXT\n", "utf-8")
    place = ["current", "--brokers", topics.brokers, "--topic", topic, "--config", str(path), "--limit", "1"]
    assert len(run(capfd, *place, "-X", "client.id=mine").splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["current", "--group", "x"], "leave out --group"),
        (["watch", "-X", "no.such=x"], "No such configuration property"),
        (["watch", "-X", "nothing"], "name=value"),
        (["watch", "-X", "group.id=x"], "use the argument group"),
        (["watch", "--config", "/no/such/file"], "No such file"),
    ],
)
def test_wrong_usage(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "COMMAND"),
        (["watch", "--from", "noon"], "neither earliest, latest nor a time"),
        (["watch", "--limit", "0"], "not a number of at least 1"),
        (["watch", "--evidence", "Transient"], "not written like"),
        (["watch", "--evidence", "Transient:colour>=1"], "no term 'colour'"),
    ],
)
def test_the_parser_says_what_is_wrong(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert reason in capsys.readouterr().err


def test_no_broker_is_a_failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIERAX_BROKERS", "127.0.0.1:9")
    monkeypatch.setattr("hierax_client.cli.Classifications", partial(Classifications, connect_timeout=0.5))
    assert main(["watch"]) == 1
    assert "no broker of 127.0.0.1:9 answered" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["watch", "current", "to-jsonl", "to-csv"])
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "--brokers HOST:PORT" in capsys.readouterr().out
