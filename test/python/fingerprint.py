"""Recomputes fingerprints, revisions and ids of golden answers (test/golden/answers.jsonl) as docs/state.md describes them.

Only cases of one alert, whose points need no merging: what is merged is the store's affair, what is hashed the contract's.
Needs no packages. Prints the number of cases, or ends with what differs.
"""

import hashlib
import json
import struct
import sys

MASK = (1 << 64) - 1
SEED = int.from_bytes(b"hierax1", "big")
CONTEXT = "sgscore1 distpsnr1 sgmag1 srmag1 simag1 szmag1 sgscore2 distpsnr2 distnr magnr chinr sharpnr neargaia maggaia classtar ndethist ncovhist jdstarthist"
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


def known(point):
    """How well real-bogus score and solar-system distance are known: 0, 1 (from a history) or 2 (own packet)."""
    level = 2 if point["own"] else 1
    return [0 if point[name] is None else level for name in ("realBogus", "solarSystemDistance")]


def point_hash(point):
    flags = point["detection"] * 1 | point["own"] * 2 | point["positive"] * 4 | (point["candid"] is not None) * 8
    data = struct.pack(
        "<dqffBB", point["jd"], int(point["candid"] or 0), point["magnitude"], point["error"], point["fid"], flags
    )
    real_bogus, distance = known(point)
    return xxh64(data, SEED + 3 * real_bogus + distance)


def point_revision(point):
    source = (3 if point["own"] else 2) if point["detection"] else 1
    return 7 * (point["candid"] is not None) + source + sum(known(point))


def alert_hash(record):
    data = struct.pack("<qdddi", int(record["candid"]), *(record[name] for name in ("jd", "ra", "dec", "programId")))
    photometry = record["photometry"]
    if photometry is None:
        data += bytes(52 + 8 * len(CONTEXT.split()))
    else:
        data += struct.pack("<BBH", 1 | photometry["positive"] * 2, "gri".index(photometry["band"]) + 1, photometry.get("droppedPoints", 0))
        names = ("magnitude", "error", "realBogus", "starScore", "starDistance", "solarSystemDistance")
        data += struct.pack("<6d", *(or_nan(photometry[name]) for name in names))
        context = photometry["context"]
        data += b"".join(struct.pack("<d", or_nan(context.get(name))) for name in CONTEXT.split())
    return xxh64(data, SEED)


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def passes(point, admit):
    score, distance = point["realBogus"], point["solarSystemDistance"]
    return (score is None or score >= single(admit["minRealBogus"])) and (
        distance is None or distance > single(admit["maxSolarSystemDistance"])
    )


def recompute(case):
    [[alert]] = case["batches"]
    programs, admit = case["programs"], case["admit"]
    record = alert["record"]
    points = [entry["observation"] for entry in alert["history"] if entry["programId"] in programs]
    if record["programId"] in programs:
        points.append(alert["observation"])
    else:
        record = {**record, "photometry": None}
    used = [point for point in points if passes(point, admit)]
    fingerprint = (sum(map(point_hash, used)) + alert_hash(record)) & MASK
    hidden = sum(map(point_revision, points)) - sum(map(point_revision, used))
    end = (fingerprint + (xxh64(struct.pack("<d", hidden), SEED) if hidden else 0)) & MASK
    number = lambda value: int(value) if value == int(value) else value
    settings = [
        hashlib.sha256(b"fake").hexdigest(),
        *(number(admit[name]) for name in ("minRealBogus", "maxSolarSystemDistance", "minDetections")),
        sorted(programs),
        "hierax.classification.v1",
    ]
    text = json.dumps(settings, separators=(",", ":"))
    return {
        "fingerprint": f"{fingerprint:016x}",
        "revision": sum(map(point_revision, points)),
        "id": f"GOLDEN:{record['candid']}:{hashlib.sha256(text.encode()).hexdigest()[:12]}:{end:016x}",
    }


def is_plain(case):
    if len(case["batches"]) != 1 or len(case["batches"][0]) != 1:
        return False
    points = [entry["observation"] for entry in case["batches"][0][0]["history"]]
    return len({(point["jd"], point["fid"]) for point in points}) == len(points)


cases = [case for case in map(json.loads, open(sys.argv[1])) if is_plain(case)]
for case in cases:
    [message] = case["messages"]
    expected = {name: message[name] for name in ("fingerprint", "revision", "id")}
    found = recompute(case)
    if found != expected:
        sys.exit(f"{case['name']}: {found} instead of {expected}")
print(len(cases))
