"""Reads ZTF's alert packets into alerts as test/golden/answers.jsonl has them, as docs/formats.md and docs/state.md describe.

Needs no packages. Reads Avro containers without compression, as the survey writes them.
"""

import json
import math
import struct

JD = (2450000, 2500000)
LIMIT, MAGNITUDE = (5, 30), (-2, 30)
SIGNS = {
    **dict.fromkeys(["t", "T", "true", "True", "TRUE", "1", "+1"], True),
    **dict.fromkeys(["f", "F", "false", "False", "FALSE", "0", "-1"], False),
}


class Reader:
    """Values of an Avro schema in bytes."""

    def __init__(self, data):
        self.data, self.at, self.names = data, 0, {}

    def take(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def long(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def blocks(self):
        while count := self.long():
            if count < 0:
                count = -count
                self.long()
            yield from range(count)

    def value(self, schema):
        if isinstance(schema, list):
            return self.value(schema[self.long()])
        kind = schema["type"] if isinstance(schema, dict) else schema
        if isinstance(kind, (dict, list)):
            return self.value(kind)
        if isinstance(schema, dict) and "name" in schema:
            self.names[schema["name"].split(".")[-1]] = schema
            self.names[schema["name"]] = schema
            self.names[f"{schema.get('namespace')}.{schema['name']}"] = schema
        if kind == "null":
            return None
        if kind == "boolean":
            return self.take(1) == b"\1"
        if kind in ("int", "long"):
            return self.long()
        if kind in ("float", "double"):
            return struct.unpack("<f" if kind == "float" else "<d", self.take(4 if kind == "float" else 8))[0]
        if kind in ("string", "bytes"):
            data = self.take(self.long())
            return data.decode() if kind == "string" else data
        if kind == "record":
            return {field["name"]: self.value(field["type"]) for field in schema["fields"]}
        if kind == "array":
            return [self.value(schema["items"]) for _ in self.blocks()]
        if kind == "map":
            return {self.value("string"): self.value(schema["values"]) for _ in self.blocks()}
        return self.value(self.names[kind])


def records(data):
    """The records of a container."""
    reader = Reader(data)
    if reader.take(4) != b"Obj\1":
        raise ValueError("no Avro container")
    meta = reader.value({"type": "map", "values": "bytes"})
    if meta.get("avro.codec", b"null") != b"null":
        raise ValueError("compressed containers are not read")
    schema = json.loads(meta["avro.schema"])
    reader.take(16)
    while reader.at < len(data):
        count = reader.long()
        reader.long()
        for _ in range(count):
            yield reader.value(schema)
        reader.take(16)


def single(value):
    return None if value is None else struct.unpack("<f", struct.pack("<f", value))[0]


def between(value, least, most):
    return value if isinstance(value, (int, float)) and least <= value <= most else None


def score(value):
    return between(value, 0, 1)


def at_least_0(value):
    return between(value, 0, 1.7976931348623157e308)


def magnitude(value):
    return value if isinstance(value, (int, float)) and -90 < value < 90 else None


CONTEXT = {
    **dict.fromkeys(["sgscore1", "sgscore2", "classtar"], score),
    **dict.fromkeys(["distpsnr1", "distpsnr2", "distnr", "chinr", "neargaia", "ndethist", "ncovhist"], at_least_0),
    **dict.fromkeys(["sgmag1", "srmag1", "simag1", "szmag1", "magnr", "maggaia"], magnitude),
    "sharpnr": lambda value: value if isinstance(value, (int, float)) and -90 < value < math.inf else None,
    "jdstarthist": lambda value: between(value, *JD),
}


def exposure(jd):
    """A date within 2^-30 days of one with seven decimals is that one; None for what is no date."""
    if between(jd, *JD) is None:
        return None
    written = math.floor(jd * 1e7 + 0.5) / 1e7
    return written if abs(jd - written) <= 2**-30 else jd


def is_error(value):
    return isinstance(value, (int, float)) and 0 < single(value) <= single(1.2)


def quality(fields):
    drb = score(fields.get("drb"))
    return {
        "realBogus": single(score(fields.get("rb")) if drb is None else drb),
        "solarSystemDistance": single(at_least_0(fields.get("ssdistnr"))),
    }


def history_point(fields, own_jd):
    """A point of a history, `invalid` for values that are not photometry, None for one that is not older than the alert."""
    jd, fid, mag = exposure(fields["jd"]), fields["fid"], fields.get("magpsf")
    if jd is None:
        return "invalid"
    if jd >= own_jd:
        return None
    if fid not in (1, 2, 3):
        return "invalid"
    point = {"jd": jd, "fid": fid, "own": False}
    if mag is None or math.isnan(mag):
        limit = between(fields.get("diffmaglim"), *LIMIT)
        if limit is None:
            return "invalid"
        unknown = {"realBogus": None, "solarSystemDistance": None}
        return {**point, "detection": False, "positive": False, "candid": None, "magnitude": single(limit), "error": 0, **unknown}
    positive = SIGNS.get(fields.get("isdiffpos"))
    if positive is None or not is_error(fields.get("sigmapsf")) or between(mag, *MAGNITUDE) is None:
        return "invalid"
    candid = fields.get("candid")
    return {
        **point,
        **{"detection": True, "positive": positive, "candid": candid if candid is not None and candid > 0 else None},
        **{"magnitude": single(mag), "error": single(fields["sigmapsf"])},
        **quality(fields),
    }


def alerts(data):
    """The alerts of a packet: `(objectId, alert)`."""
    for packet in records(data):
        own = packet["candidate"]
        candid = packet.get("candid") or own["candid"]
        jd = exposure(own["jd"])
        observation = {
            **{"jd": jd, "fid": own["fid"], "detection": True, "own": True, "positive": SIGNS[own["isdiffpos"]]},
            **{"candid": candid, "magnitude": single(own["magpsf"]), "error": single(own["sigmapsf"])},
            **quality(own),
        }
        history, invalid = [], 0
        for fields in packet.get("prv_candidates") or []:
            point = history_point(fields, jd)
            if point == "invalid":
                invalid += 1
            elif point is not None:
                history.append({"programId": fields.get("programid"), "observation": point})
        drb = score(own.get("drb"))
        photometry = {
            **{"band": "gri"[own["fid"] - 1], "magnitude": own["magpsf"], "error": own["sigmapsf"]},
            **{"positive": observation["positive"], "realBogus": score(own.get("rb")) if drb is None else drb},
            **{"starScore": score(own.get("sgscore1")), "starDistance": at_least_0(own.get("distpsnr1"))},
            **{"solarSystemDistance": at_least_0(own.get("ssdistnr")), "droppedPoints": invalid},
            "context": {name: read(own.get(name)) for name, read in CONTEXT.items()},
        }
        record = {"candid": str(candid), "jd": jd, "ra": own["ra"], "dec": own["dec"], "programId": own.get("programid") or 0}
        yield packet["objectId"], {
            "record": {**record, "photometry": photometry},
            "observation": observation,
            "history": history,
        }
