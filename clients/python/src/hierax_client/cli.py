"""The command `hierax-client`."""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any, Literal, TextIO

from . import filters
from .current import CurrentAnswers
from .decoding import RegistryError
from .records import TERMS, Classification
from .stream import Classifications, StreamError, _version
from .tables import row

_EXAMPLES = """\
examples:
  hierax-client watch --node "SN Ia" --min 0.9
  hierax-client current --node Transient --min 0.9
  hierax-client to-csv --from 2026-11-20 --output night.csv
  hierax-client to-jsonl --group archive --follow >> archive.jsonl
  hierax-client watch --brokers kafka:9093 --config kafka.properties

Connection settings such as security.protocol and sasl.username are those of librdkafka, one name=value a
line in the file of --config, or after -X. HIERAX_BROKERS gives the default of --brokers.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code: 0, 1 for a failure, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, format="hierax-client: %(message)s", level=logging.WARNING)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(options.run(options) or 0)
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # such as of `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"hierax-client: {error}", file=sys.stderr)
        return 2
    except (StreamError, RegistryError) as error:
        print(f"hierax-client: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hierax-client",
        description="Read the classifications of ZTF alerts that Hierax publishes on Kafka.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hierax-client {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(
        commands,
        "watch",
        _watch,
        "print new classifications, one line each",
        "Prints classifications as they arrive, those of the future by default: time of the exposure (UTC), object,"
        " magnitude, predicted node, probability, number of detections. Ctrl-C ends it.",
        start="latest",
    ).add_argument("--json", action="store_true", help="whole messages as JSON lines")
    current = _add(
        commands,
        "current",
        _current,
        "print the current classification of every object",
        "Reads the topic to its end and prints the current classification per object and model, the likeliest first.",
    )
    current.add_argument("--json", action="store_true", help="whole messages as JSON lines")
    current.add_argument("--object", metavar="ID", action="append", help="only this object; may be repeated")
    for name, run, what in (
        ("to-jsonl", _to_jsonl, "JSON lines, the whole messages"),
        ("to-csv", _to_csv, "a CSV table, one row each"),
    ):
        command = _add(
            commands,
            name,
            run,
            f"write classifications as {what.split(',')[0]}",
            f"Writes the classifications on the topic as {what}, each id once, up to the end of the topic.",
        )
        command.add_argument("--output", metavar="FILE", help="file to write; standard output by default")
        command.add_argument("--current", action="store_true", help="only current classifications")
        if name == "to-jsonl":
            command.add_argument("--follow", action="store_true", help="do not end at the end of the topic")
    return parser


def _add(
    commands: Any, name: str, run: Any, summary: str, text: str, start: str = "earliest"
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=text)
    parser.set_defaults(run=run)
    kafka = parser.add_argument_group("Kafka")
    kafka.add_argument(
        "--brokers",
        metavar="HOST:PORT",
        default=os.environ.get("HIERAX_BROKERS", "localhost:9092"),
        help="brokers, separated by commas (default: %(default)s)",
    )
    kafka.add_argument(
        "--topic",
        action="append",
        help="topic; may be repeated (default: hierax.classifications)",
    )
    kafka.add_argument("--group", help="consumer group, to resume where the last run ended; without it all is read")
    kafka.add_argument(
        "--from",
        dest="start",
        metavar="WHEN",
        type=_start,
        default=start,
        help="earliest, latest, or a time such as 2026-11-20 or 2026-11-20T04:30:00Z (default: %(default)s)",
    )
    kafka.add_argument("--config", metavar="FILE", help="settings of librdkafka, name=value lines")
    kafka.add_argument(
        "-X",
        metavar="NAME=VALUE",
        dest="settings",
        action="append",
        default=[],
        help="one such setting",
    )
    kafka.add_argument("--registry", metavar="URL", help="schema registry, for output.encoding: confluent")
    choice = parser.add_argument_group("selection")
    choice.add_argument("--node", help="only with this node; --min is a limit of its probability")
    choice.add_argument("--min", type=float, metavar="P", help="least probability, 0 to 1")
    choice.add_argument(
        "--evidence",
        metavar="NODE:TERM>=X",
        type=_evidence,
        action="append",
        default=[],
        help="log odds of a child of the root by a term (lightCurve, context, prior, all) at least X, or <X;"
        ' may be repeated: --evidence "Transient:lightCurve>=3"',
    )
    choice.add_argument("--max-novelty", type=float, metavar="X", help="largest novelty, 0 to 1")
    choice.add_argument("--limit", type=_positive, metavar="N", help="end after so many")
    return parser


def _watch(options: argparse.Namespace) -> None:
    with _stream(options) as stream:
        for record in _limited(stream, options):
            _print(json.dumps(_plain(record)) if options.json else _line(record, options.node))


def _current(options: argparse.Namespace) -> int:
    answers = sorted(_answers(options), key=lambda record: -_shown(record, options.node)[1])
    for record in answers[: options.limit]:
        _print(json.dumps(_plain(record)) if options.json else _line(record, options.node))
    missing = set(options.object or ()) - {record.object_id for record in answers}
    for name in sorted(missing):
        print(f"hierax-client: no current classification of {name}", file=sys.stderr)
    return 1 if missing else 0


def _to_jsonl(options: argparse.Namespace) -> None:
    with _output(options) as file:
        for record in _chosen(options):
            file.write(json.dumps(_plain(record)) + "\n")
            file.flush()  # before the next record is requested, which commits this one


def _to_csv(options: argparse.Namespace) -> None:
    # The columns are known at the end: which nodes there are depends on the models.
    columns: dict[str, None] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as rows:
        for record in _chosen(options):
            values = row(record)
            columns.update(dict.fromkeys(values))
            rows.write(json.dumps(values) + "\n")
        rows.seek(0)
        with _output(options) as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(json.loads(line) for line in rows)


def _chosen(options: argparse.Namespace) -> Iterator[Classification]:
    """The records to export."""
    if options.current:
        yield from islice(_answers(options), options.limit)
        return
    until_end = not getattr(options, "follow", False)
    with _stream(options, until_end=until_end) as stream:
        yield from _limited(stream, options)


def _answers(options: argparse.Namespace) -> list[Classification]:
    if options.group is not None:
        raise ValueError("current classifications need the whole topic: leave out --group")
    with _stream(options, where=()) as stream, CurrentAnswers() as answers:
        chosen = _filters(options)
        objects = getattr(options, "object", None)
        return [
            record
            for record in stream.current(answers)
            if (objects is None or record.object_id in objects) and all(passes(record) for passes in chosen)
        ]


def _stream(
    options: argparse.Namespace,
    until_end: bool = False,
    where: Iterable[filters.Filter] | None = None,
) -> Classifications:
    return Classifications(
        options.brokers,
        options.group,
        topic=options.topic or "hierax.classifications",
        start=options.start,
        where=_filters(options) if where is None else where,
        until_end=until_end,
        registry=options.registry,
        config=_settings(options),
    )


def _limited(stream: Classifications, options: argparse.Namespace) -> Iterator[Classification]:
    yield from islice(stream, options.limit)
    if options.limit is not None and options.group is not None:
        stream.commit()


def _filters(options: argparse.Namespace) -> list[filters.Filter]:
    chosen = list(options.evidence)
    if options.node is not None:
        chosen.append(filters.probability(options.node, options.min or 0.0))
    elif options.min is not None:
        least = options.min
        chosen.append(lambda record: record.prediction is not None and record.prediction.probability >= least)
    if options.max_novelty is not None:
        chosen.append(filters.max_novelty(options.max_novelty))
    return chosen


def _settings(options: argparse.Namespace) -> dict[str, str]:
    lines = list(options.settings)
    if options.config is not None:
        with open(options.config, encoding="utf-8") as file:
            lines = [line.strip() for line in file] + lines
    settings = {}
    for line in lines:
        if line == "" or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator:
            raise ValueError(f"a setting is written name=value, not {line!r}")
        settings[name.strip()] = value.strip()
    return settings


def _start(given: str) -> Literal["earliest", "latest"] | datetime:
    if given == "earliest":
        return "earliest"
    if given == "latest":
        return "latest"
    try:
        moment = datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{given!r} is neither earliest, latest nor a time such as 2026-11-20T04:30:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _positive(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given!r} is not a number of at least 1")
    return int(given)


def _evidence(given: str) -> filters.Filter:
    for comparison in (">=", "<"):
        left, found, limit = given.rpartition(comparison)
        node, _, term = left.rpartition(":")
        if not found or node == "":
            continue
        try:
            value = float(limit)
            terms = TERMS if term == "all" else (term,)
            if comparison == "<":
                return filters.evidence(node, below=value, terms=terms)
            return filters.evidence(node, at_least=value, terms=terms)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{given!r}: {error}") from None
    raise argparse.ArgumentTypeError(f"{given!r} is not written like Transient:lightCurve>=3")


def _plain(record: Classification) -> dict[str, Any]:
    """The message as JSON has it: the candid exceeds what JSON numbers hold."""
    return {**record.body, "candid": str(record.candid)}


def _line(record: Classification, node: str | None) -> str:
    alert = record.alert
    magnitude = f"{alert.band} {alert.magnitude:.2f}" if alert else ""
    name, probability = _shown(record, node)
    result = f"{name} {probability:.3f}" if record.is_classified else f"not classified: {record.reason}"
    count = record.light_curve.detections
    detections = f"{count} detection{'' if count == 1 else 's'}"
    time = f"{record.time:%Y-%m-%d %H:%M}" if record.time else f"JD {record.jd}"
    line = f"{time}  {record.object_id:<12}  {magnitude:<7}  {result}  {detections}"
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def _shown(record: Classification, node: str | None) -> tuple[str, float]:
    """The node that a line shows, and its probability."""
    if node is not None:
        return node, record.probability(node)
    if record.prediction is not None:
        return " > ".join(record.prediction.path), record.prediction.probability
    return "undecided", 0.0


def _print(line: str) -> None:
    print(line, flush=True)


def _output(options: argparse.Namespace) -> TextIO:
    if options.output is None:
        return open(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", newline="")
    return open(options.output, "w", encoding="utf-8", newline="")
