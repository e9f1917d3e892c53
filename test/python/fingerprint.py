"""Recomputes the messages of the golden cases (test/golden/answers.jsonl): fingerprint, revision, id and reason.

It follows docs/state.md, needs no packages, and prints the number of cases, or ends with what differs. Cases of real packets
need their folder, which is not part of the project: without it they are left out and counted.

    python3 test/python/fingerprint.py [--packets FOLDER]
"""

import decimal
import hashlib
import json
import pathlib
import struct
import sys

import ztf_packets

MASK = (1 << 64) - 1
SEED = int.from_bytes(b"hierax1", "big")
CONTEXT = (
    "sgscore1 distpsnr1 sgmag1 srmag1 simag1 szmag1 sgscore2 distpsnr2 distnr "
    "magnr chinr sharpnr neargaia maggaia classtar ndethist ncovhist jdstarthist"
).split()
P1, P2, P3, P4, P5 = (
    11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261,
)


def rotate(x, bits):
    return ((x << bits) | (x >> (64 - bits))) & MASK


def mix(accumulator, lane):
    return rotate((accumulator + lane * P2) & MASK, 31) * P1 & MASK


def xxh64(data, seed):
    at = 0
    if len(data) >= 32:
        lanes = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        while at + 32 <= len(data):
            lanes = [mix(lane, word) for lane, word in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        h = sum(rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            h = ((h ^ mix(0, lane)) * P1 + P4) & MASK
    else:
        h = (seed + P5) & MASK
    h = (h + len(data)) & MASK
    while at + 8 <= len(data):
        h = (rotate(h ^ mix(0, struct.unpack_from("<Q", data, at)[0]), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= len(data):
        h = (rotate(h ^ (struct.unpack_from("<I", data, at)[0] * P1 & MASK), 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ (byte * P5 & MASK), 11) * P1 & MASK
    h = (h ^ (h >> 33)) * P2 & MASK
    h = (h ^ (h >> 29)) * P3 & MASK
    return h ^ (h >> 32)


def or_nan(value):
    return float("nan") if value is None else value


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


# The points of an object. A point is a dict as the golden file has it, with two more keys: `known`, how well each field of the
# quality is known (0, 1 from a history, 2 from its own packet), and `superseded`, ascending candids.

QUALITY = ("realBogus", "solarSystemDistance")


def as_point(observation):
    level = 2 if observation["own"] else 1
    known = {name: 0 if observation[name] is None else level for name in QUALITY}
    return {**observation, "candid": observation["candid"] and int(observation["candid"]), "known": known, "superseded": []}


def canonical(point):
    flags = point["detection"] * 1 | point["own"] * 2 | point["positive"] * 4 | (point["candid"] is not None) * 8
    return struct.pack("<dqffBB", point["jd"], point["candid"] or 0, point["magnitude"], point["error"], point["fid"], flags)


def point_hash(point):
    superseded = b"".join(struct.pack("<q", candid) for candid in point["superseded"])
    known = point["known"]
    return xxh64(canonical(point) + superseded, SEED + 3 * known["realBogus"] + known["solarSystemDistance"])


def point_revision(point):
    candids = len(point["superseded"]) + (point["candid"] is not None)
    source = (3 if point["own"] else 2) if point["detection"] else 1
    return 7 * candids + source + sum(point["known"].values())


def image(point):
    """Of two images of an exposure, the greater one stands."""
    return (point["detection"], point["candid"] is not None, point["candid"] or 0)


def merge_points(a, b):
    order = [(image(point), point["own"], canonical(point)) for point in (a, b)]
    winner, other = (a, b) if order[0] >= order[1] else (b, a)
    merged = {**winner, "known": dict(winner["known"])}
    if image(a) == image(b):
        for name in QUALITY:
            if (other["known"][name], or_zero(other[name])) > (winner["known"][name], or_zero(winner[name])):
                merged[name], merged["known"][name] = other[name], other["known"][name]
    candids = {*a["superseded"], *b["superseded"], a["candid"], b["candid"]} - {None, winner["candid"]}
    merged["superseded"] = sorted(candids)[-7:]
    return merged


def or_zero(value):
    return 0 if value is None else value


def passes(quality, admit):
    score, distance = quality["realBogus"], quality["solarSystemDistance"]
    return (score is None or single(score) >= single(admit["minRealBogus"])) and (
        distance is None or single(distance) > single(admit["maxSolarSystemDistance"])
    )


# The alerts of an object: the newest one, and the newest admitted one, each with the hashes of all versions that were seen.


def canonical_alert(record):
    data = struct.pack("<qdddi", int(record["candid"]), *(record[name] for name in ("jd", "ra", "dec", "programId")))
    photometry = record["photometry"]
    if photometry is None:
        return data + bytes(52 + 8 * len(CONTEXT))
    flags = 1 | photometry["positive"] * 2
    dropped = min(photometry.get("droppedPoints", 0), 65535)
    data += struct.pack("<BBH", flags, "gri".index(photometry["band"]) + 1, dropped)
    names = ("magnitude", "error", "realBogus", "starScore", "starDistance", "solarSystemDistance")
    data += struct.pack("<6d", *(or_nan(photometry[name]) for name in names))
    return data + b"".join(struct.pack("<d", or_nan(photometry["context"].get(name))) for name in CONTEXT)


def alert_hash(record):
    return xxh64(canonical_alert(record), SEED)


def key(record):
    return (record["jd"], int(record["candid"]))


def rank(record, admitted):
    """Of several versions of an alert, the one with the greatest rank stands."""
    photometry = record["photometry"]
    known = 0 if photometry is None else sum(photometry["context"].get(name) is not None for name in CONTEXT)
    return (admitted, known, canonical_alert(record))


def newer(current, record, admitted):
    """The newest alert as (record, admitted, hashes of its versions)."""
    if current is None or key(record) > key(current[0]):
        return (record, admitted, {alert_hash(record)})
    if key(record) < key(current[0]):
        return current
    versions = {*current[2], alert_hash(record)}
    best = max((current[:2], (record, admitted)), key=lambda version: rank(*version))
    return (*best, versions)


def refusal(record, case):
    photometry, admit = record["photometry"], case["admit"]
    if photometry is None:
        return "PROGRAM"
    quality = {name: photometry[name] for name in QUALITY}
    if not passes({**quality, "solarSystemDistance": None}, admit):
        return "BOGUS"
    return None if passes(quality, admit) else "SOLAR_SYSTEM"


# The text whose hash stands for everything besides alert and light curve.


def number_text(value):
    """A number as JSON.stringify writes it: the shortest digits that give the double, without exponent from 1e-6 to 1e21."""
    digits = repr(float(value))
    mantissa, _, exponent = digits.partition("e")
    if 1e-6 <= abs(value) < 1e21 or value == 0:
        text = format(decimal.Decimal(digits), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    sign = "-" if exponent.startswith("-") else "+"
    return f"{mantissa.removesuffix('.0')}e{sign}{abs(int(exponent))}"


def string_text(value):
    return json.dumps(value, ensure_ascii=False)


def whole_number(name):
    """The number of a name such as `7`; None for other names, `07` among them."""
    return int(name) if name.isascii() and name.isdigit() and str(int(name)) == name and int(name) < 2**32 - 1 else None


def in_order(names):
    """Whole numbers ascending, then the other names as they come."""
    numbers = sorted((name for name in names if whole_number(name) is not None), key=whole_number)
    return numbers + [name for name in names if whole_number(name) is None]


def settings_text(model_sha256, admit, programs, population=None, nodes=()):
    """`nodes` are the names of the taxonomy, in its order."""
    items = [
        string_text(model_sha256),
        *(number_text(admit[name]) for name in ("minRealBogus", "maxSolarSystemDistance", "minDetections")),
        "[" + ",".join(str(program) for program in sorted(set(programs))) + "]",
        string_text("hierax.classification.v1"),
    ]
    if population is not None:
        shares = population["shares"]
        pairs = (f"[{string_text(node)},{number_text(shares[node])}]" for node in in_order(nodes) if node in shares)
        items += [string_text(population["name"]), "[" + ",".join(pairs) + "]"]
    return "[" + ",".join(items) + "]"


def settings_hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Object:
    """What is known of an object, and the messages that it gives."""

    def __init__(self, case, object_id="GOLDEN"):
        self.case = case
        self.object_id = object_id
        self.points = {}
        self.newest = self.newest_admitted = None
        self.settings = settings_hash(
            settings_text(hashlib.sha256(b"fake").hexdigest(), case["admit"], case["programs"])
        )

    def process(self, batch):
        """All of a batch is merged first. Then come the messages of its alerts, and those that are published again."""
        records = [self.merge(alert) for alert in batch]
        messages = [self.message(record) for record in records]
        newest, admitted = self.newest, self.newest_admitted
        again = []
        if admitted is None or key(newest[0]) != key(admitted[0]):
            if key(newest[0]) not in map(key, records):
                again.append(newest[0])
        if admitted is not None and (again or key(records[-1]) != key(admitted[0])):
            again.append(admitted[0])
        return messages + [self.message(record) for record in again]

    def merge(self, alert):
        record, programs = alert["record"], self.case["programs"]
        observations = [entry["observation"] for entry in alert["history"] if entry["programId"] in programs]
        if record["programId"] in programs:
            observations.append(alert["observation"])
        else:
            record = {**record, "photometry": None}
        for point in map(as_point, observations):
            identity = (point["jd"], point["fid"])
            present = self.points.get(identity)
            self.points[identity] = point if present is None else merge_points(present, point)
        admitted = refusal(record, self.case) is None
        self.newest = newer(self.newest, record, admitted)
        if admitted:
            self.newest_admitted = newer(self.newest_admitted, record, admitted)
        return record

    def message(self, record):
        versions = set()
        for alert in (self.newest_admitted, self.newest):
            if alert is not None and key(alert[0]) == key(record):
                selected, versions = alert[0], alert[2]
        if versions:
            record = selected
        versions = set(sorted(versions)[:255])
        others = versions - {alert_hash(record)}
        stored = [point for point in self.points.values() if point["jd"] <= record["jd"]]
        used = [point for point in stored if passes(point, self.case["admit"])]
        fingerprint = (sum(map(point_hash, used)) + alert_hash(record) + sum(others)) & MASK
        revision = sum(map(point_revision, stored))
        hidden = revision - sum(map(point_revision, used))
        end = (fingerprint + (xxh64(struct.pack("<d", hidden), SEED) if hidden else 0)) & MASK
        detections = sum(point["detection"] for point in used)
        too_few = detections < max(1, self.case["admit"]["minDetections"])
        return {
            "objectId": self.object_id,
            "candid": record["candid"],
            "reason": refusal(record, self.case) or ("TOO_FEW_DETECTIONS" if too_few else None),
            "fingerprint": f"{fingerprint:016x}",
            "revision": revision + len(others),
            "id": f"{self.object_id}:{record['candid']}:{self.settings}:{end:016x}",
        }


def check_settings(file):
    for given in map(json.loads, open(file, encoding="utf-8")):
        text = settings_text(*(given[name] for name in ("model", "admit", "programs", "population", "nodes")))
        if (text, settings_hash(text)) != (given["text"], given["hash"]):
            sys.exit(f"settings: {text} ({settings_hash(text)}) instead of {given['text']} ({given['hash']})")


def messages_of(case, packets):
    golden = Object(case)
    found = [message for batch in case["batches"] for message in golden.process(batch)]
    objects = {}
    for file in case["files"]:
        for object_id, alert in ztf_packets.alerts((packets / file).read_bytes()):
            found += objects.setdefault(object_id, Object(case, object_id)).process([alert])
    return found


def main(packets=None):
    golden = pathlib.Path(__file__).resolve().parent.parent / "golden"
    checked = left_out = 0
    check_settings(golden / "settings.jsonl")
    for case in map(json.loads, open(golden / "answers.jsonl", encoding="utf-8")):
        if case["files"] and packets is None:
            left_out += 1
            continue
        found = messages_of(case, packets)
        expected = [{name: message[name] for name in found[0]} for message in case["messages"]]
        for index, (one, other) in enumerate(zip(found, expected)):
            if one != other:
                sys.exit(f"{case['name']}, message {index}: {one} instead of {other}")
        if len(found) != len(expected):
            sys.exit(f"{case['name']}: {len(found)} messages instead of {len(expected)}")
        checked += 1
    print(f"{checked} cases agree" + (f"; {left_out} of real packets left out (--packets)" if left_out else ""))


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            main()
        case ["--packets", folder]:
            main(pathlib.Path(folder))
        case _:
            sys.exit("usage: fingerprint.py [--packets FOLDER]")
