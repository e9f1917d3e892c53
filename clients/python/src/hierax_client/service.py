"""The service's HTTP interface: light curves, and how probabilities changed."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ._fields import Body, flag, integer, listed, number, optional, text
from ._fields import field as read_field
from ._records import Evidence, Prediction, Provenance
from .records import Classification

if TYPE_CHECKING:
    import pandas


T = TypeVar("T")


class ServiceError(Exception):
    """The service refuses a request, or does not answer.

    Attributes
    ----------
    status
        HTTP status; None without an answer.
    code
        Code of the service's table of errors, such as ``OBJECT_NOT_FOUND``; None if it gave none.
    """

    def __init__(self, message: str, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


@dataclass(frozen=True)
class Point:
    """A point of a light curve.

    Attributes
    ----------
    jd, mjd
        (Modified) Julian date of mid-exposure, days.
    band
        g, r or i.
    type
        ``detection`` or ``upperLimit``.
    magnitude
        Difference magnitude, or the 5-sigma limiting magnitude of an upper limit.
    error
        1 sigma, mag; None for an upper limit.
    positive
        Whether the source is brighter than the reference image; None for an upper limit.
    candid
        Candidate, if known.
    real_bogus
        0 bogus to 1 real; None if unknown.
    admitted
        Whether it is used for the classification.
    """

    jd: float
    mjd: float
    band: str
    type: str
    magnitude: float
    error: float | None
    positive: bool | None
    candid: int | None
    real_bogus: float | None
    admitted: bool

    @classmethod
    def from_body(cls, body: Body) -> Point:
        """Reads a decoded point; raises ValueError."""
        return cls(
            jd=read_field(body, "jd", number),
            mjd=read_field(body, "mjd", number),
            band=read_field(body, "band", text),
            type=read_field(body, "type", text),
            magnitude=read_field(body, "magnitude", number),
            error=optional(body, "error", number),
            positive=optional(body, "positive", flag),
            candid=optional(body, "candid", integer),
            real_bogus=optional(body, "realBogus", number),
            admitted=read_field(body, "admitted", flag, True),
        )

    @property
    def is_detection(self) -> bool:
        return self.type == "detection"


@dataclass(frozen=True)
class ObjectView:
    """What the service knows of an object.

    Attributes
    ----------
    light_curve
        All points, sorted by time.
    classification
        The current classification; None if there is none.
    body
        The answer as the service gave it.
    """

    object_id: str
    light_curve: tuple[Point, ...]
    classification: Classification | None
    body: Body = field(repr=False)

    @classmethod
    def from_body(cls, body: Body) -> ObjectView:
        """Reads the service's answer; raises ValueError."""
        return cls(
            object_id=read_field(body, "objectId", text),
            light_curve=read_field(body, "lightCurve", listed(Point.from_body)),
            classification=optional(body, "classification", Classification.from_message),
            body=body,
        )

    def to_pandas(self) -> pandas.DataFrame:
        """The light curve as a table: one row per point, with the fields of `Point` as columns."""
        return _table(self.light_curve)


@dataclass(frozen=True)
class Moment:
    """The probabilities at the time of a detection.

    Attributes
    ----------
    jd, mjd
        (Modified) Julian date of the detection, days.
    band
        Its band.
    detections
        Number of detections up to this time, this one included.
    probabilities
        P(node) by name.
    """

    jd: float
    mjd: float
    band: str
    candid: int | None
    detections: int
    probabilities: Mapping[str, float]
    prediction: Prediction | None
    novelty: float | None
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class History:
    """How the probabilities of an object changed, computed by the service from the stored points.

    Attributes
    ----------
    parents
        The parent of every node, parents before children; None for a child of the root.
    moments
        Sorted by time.
    """

    object_id: str
    classifier: Provenance
    parents: Mapping[str, str | None]
    moments: tuple[Moment, ...]

    @classmethod
    def from_body(cls, body: Body) -> History:
        """Reads the service's answer; raises ValueError."""
        nodes = read_field(body, "nodes", listed(dict))
        names = [text(node.get("name")) for node in nodes]

        def moment(entry: Body) -> Moment:
            values = read_field(entry, "probabilities", listed(number))
            return Moment(
                jd=read_field(entry, "jd", number),
                mjd=read_field(entry, "mjd", number),
                band=read_field(entry, "band", text),
                candid=optional(entry, "candid", integer),
                detections=read_field(entry, "detections", integer),
                probabilities=dict(zip(names, values, strict=True)),
                prediction=optional(entry, "prediction", Prediction.from_body),
                novelty=optional(entry, "novelty", number),
                evidence=read_field(entry, "evidence", listed(Evidence.from_body), []),
            )

        return cls(
            object_id=read_field(body, "objectId", text),
            classifier=read_field(body, "classifier", Provenance.from_body),
            parents={name: node.get("parent") for name, node in zip(names, nodes, strict=True)},
            moments=read_field(body, "moments", listed(moment)),
        )

    def to_pandas(self) -> pandas.DataFrame:
        """One row per moment: jd, mjd, band, detections, novelty, and ``P(NAME)`` for every node."""
        import pandas

        return pandas.DataFrame(
            [
                {
                    "jd": moment.jd,
                    "mjd": moment.mjd,
                    "band": moment.band,
                    "detections": moment.detections,
                    "novelty": moment.novelty,
                    **{f"P({name})": value for name, value in moment.probabilities.items()},
                }
                for moment in self.moments
            ]
        )


class Service:
    """The HTTP interface of a running service.

    Parameters
    ----------
    url
        Address of the service.
    token
        Bearer token, if the operator has set one.
    timeout
        Seconds to wait for an answer.

    Raises
    ------
    ValueError
        If the address does not begin with http:// or https://.
    ServiceError
        From the methods: no answer, or a refusal (`status` 404 for an unknown object).
    """

    def __init__(self, url: str = "http://localhost:8080", token: str | None = None, timeout: float = 30) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the service's address must begin with http:// or https://: {url!r}")
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._timeout = timeout

    def object(self, object_id: str, model: str | None = None) -> ObjectView:
        """The light curve and the current classification of an object.

        Parameters
        ----------
        object_id
            ZTF object.
        model
            Name of the model; the service's first one by default.
        """
        return self._read(ObjectView.from_body, self._path(object_id), {"model": model})

    def history(self, object_id: str, model: str | None = None, limit: int = 300) -> History:
        """How the probabilities of an object changed with its detections.

        Parameters
        ----------
        object_id, model
            As for `object`.
        limit
            Largest number of moments, 2 to 2000, evenly chosen.
        """
        query = {"model": model, "limit": str(limit)}
        return self._read(History.from_body, f"{self._path(object_id)}/history", query)

    def _path(self, object_id: str) -> str:
        return f"/api/v1/objects/{urllib.parse.quote(object_id, safe='')}"

    def _read(self, read: Callable[[Body], T], path: str, query: Mapping[str, str | None]) -> T:
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{self._url}{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")
        request = urllib.request.Request(url, headers=self._headers)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                return read(json.loads(response.read()))
        except urllib.error.HTTPError as error:
            raise _refusal(url, error) from error
        except (OSError, ValueError) as error:
            raise ServiceError(f"{url}: {getattr(error, 'reason', error)}") from error


def _refusal(url: str, error: urllib.error.HTTPError) -> ServiceError:
    try:
        problem = json.loads(error.read())
        code, detail = problem.get("code"), problem.get("detail") or problem.get("title")
    except (OSError, ValueError, AttributeError):
        code, detail = None, error.reason
    return ServiceError(f"{url}: HTTP {error.code}: {detail}", error.code, code)


def _table(points: tuple[Point, ...]) -> pandas.DataFrame:
    import pandas

    table = pandas.DataFrame([vars(point) for point in points], columns=list(Point.__annotations__))
    # Directly, because integers with missing values would become floats, which don't hold a candid.
    table["candid"] = pandas.array([point.candid for point in points], dtype="Int64")
    return table
