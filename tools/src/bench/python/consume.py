"""What one would write instead: consume ZTF alerts and decode them, with the parsed schema kept per writer schema.

Usage: consume.py BROKERS TOPIC COUNT. Prints one JSON line; classifies, stores and publishes nothing.
"""

import io
import json
import resource
import sys
import time

import fastavro
from confluent_kafka import Consumer

MAGIC = b"Obj\x01"
BYTES_MAP = fastavro.parse_schema({"type": "map", "values": "bytes"})


class Decoder:
    """Reads container files of one or more records without parsing a schema that it has seen before."""

    def __init__(self):
        self.schemas = {}

    def decode(self, packet):
        stream = io.BytesIO(packet)
        if stream.read(4) != MAGIC:
            raise ValueError("not an Avro container")
        text = fastavro.schemaless_reader(stream, BYTES_MAP)["avro.schema"]
        schema = self.schemas.get(text)
        if schema is None:
            schema = self.schemas[text] = fastavro.parse_schema(json.loads(text))
        stream.read(16)
        records = []
        while stream.tell() < len(packet):
            count = fastavro.schemaless_reader(stream, "long")
            fastavro.schemaless_reader(stream, "long")
            records += [fastavro.schemaless_reader(stream, schema) for _ in range(count)]
            stream.read(16)
        return records


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    brokers, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"python-{time.time_ns()}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 4 * 1024 * 1024,
        }
    )
    consumer.subscribe([topic])
    decoder = Decoder()
    alerts = began = cpu = 0
    while alerts < count:
        for message in consumer.consume(500, timeout=30):
            if message.error():
                raise RuntimeError(message.error())
            alerts += len(decoder.decode(message.value()))
            if not began:
                # Joining the group is not what is measured.
                began, cpu, first = time.monotonic(), cpu_seconds(), alerts
    seconds, used = time.monotonic() - began, cpu_seconds() - cpu
    consumer.close()
    print(json.dumps({"alerts": alerts, "measured": alerts - first, "seconds": seconds, "cpuSeconds": used}))


main()
