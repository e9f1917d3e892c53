"""The records of a message.

Made by scripts/generate-docs.ts from src/messages/classification.ts: change that, not this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._fields import Body, field, flag, integer, listed, mapped, number, optional, text

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class AlertPhotometry:
    """The record AlertPhotometry of a message (hierax.classification.v1).

    Attributes
    ----------
    band
        g, r or i.
    magnitude
        Difference magnitude (magpsf).
    error
        Its 1-sigma error (sigmapsf), mag.
    positive
        The source is brighter than the reference image.
    real_bogus
        drb, or rb if there is no drb: 0 bogus, 1 real.
    star_score
        Nearest catalogue source: 0 galaxy, 1 star (sgscore1).
    star_distance
        Its distance, arcsec (distpsnr1).
    solar_system_distance
        Nearest known solar-system object, arcsec (ssdistnr).
    solar_system_name
        Its name (ssnamenr).
    """

    band: str
    magnitude: float
    error: float
    positive: bool
    real_bogus: float | None
    star_score: float | None
    star_distance: float | None
    solar_system_distance: float | None
    solar_system_name: str | None

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            band=field(body, "band", text),
            magnitude=field(body, "magnitude", number),
            error=field(body, "error", number),
            positive=field(body, "positive", flag),
            real_bogus=optional(body, "realBogus", number),
            star_score=optional(body, "starScore", number),
            star_distance=optional(body, "starDistance", number),
            solar_system_distance=optional(body, "solarSystemDistance", number),
            solar_system_name=optional(body, "solarSystemName", text),
        )


@dataclass(frozen=True)
class Node:
    """The record Node of a message (hierax.classification.v1).

    Attributes
    ----------
    name
        Name of the taxonomy node.
    parent
        None for children of the root.
    conditional
        P(node | parent); siblings sum to 1.
    probability
        P(node): the product of the conditionals along the path from the root.
    """

    name: str
    parent: str | None
    conditional: float
    probability: float

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            name=field(body, "name", text),
            parent=optional(body, "parent", text),
            conditional=field(body, "conditional", number),
            probability=field(body, "probability", number),
        )


@dataclass(frozen=True)
class Prediction:
    """The record Prediction of a message (hierax.classification.v1).

    Attributes
    ----------
    node
        Name of that node.
    probability
        P(node).
    path
        Names of the nodes from the child of the root to this one.
    """

    node: str
    probability: float
    path: tuple[str, ...]

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            node=field(body, "node", text),
            probability=field(body, "probability", number),
            path=field(body, "path", listed(text)),
        )


@dataclass(frozen=True)
class Provenance:
    """The record Provenance of a message (hierax.classification.v1).

    Attributes
    ----------
    name
        Name of the model.
    version
        Version of the model.
    sha256
        SHA-256 over the model's files.
    taxonomy
        Name of its taxonomy.
    taxonomy_version
        Version of the taxonomy.
    """

    name: str
    version: str
    sha256: str
    taxonomy: str
    taxonomy_version: str

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            name=field(body, "name", text),
            version=field(body, "version", text),
            sha256=field(body, "sha256", text),
            taxonomy=field(body, "taxonomy", text),
            taxonomy_version=field(body, "taxonomyVersion", text),
        )


@dataclass(frozen=True)
class Peak:
    """The record Peak of a message (hierax.classification.v1).

    Attributes
    ----------
    jd
        Julian date of its exposure, days.
    magnitude
        Its difference magnitude.
    """

    jd: float
    magnitude: float

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            jd=field(body, "jd", number),
            magnitude=field(body, "magnitude", number),
        )


@dataclass(frozen=True)
class LightCurveSummary:
    """The record LightCurveSummary of a message (hierax.classification.v1).

    Attributes
    ----------
    detections
        Detections up to the alert's time.
    upper_limits
        Upper limits up to the alert's time.
    first_jd
        Julian date of the first point, detection or upper limit.
    last_jd
        Julian date of the last point.
    latest
        Magnitude of the latest detection by band.
    fingerprint
        Hash of these points and of the alert's own fields.
    revision
        Grows with what is known about these points: of two messages of the same jd and candid, the
        one with the greater revision is current.
    first_detection_jd
        Julian date of the first detection, days; None if there is none.
    last_detection_jd
        Julian date of the last detection, days.
    ndethist
        Number of detections at this position since the survey began, from the packet (ndethist).
    jdstarthist
        Julian date of the first of these, from the packet (jdstarthist).
    peak
        The brightest detection by band, of those with a positive difference; the earliest if
        several are equally bright.
    dropped_points
        Points of the packet's history that are not used, because their values are not photometry.
    """

    detections: int
    upper_limits: int
    first_jd: float | None
    last_jd: float | None
    latest: Mapping[str, float]
    fingerprint: str
    revision: int
    first_detection_jd: float | None
    last_detection_jd: float | None
    ndethist: int | None
    jdstarthist: float | None
    peak: Mapping[str, Peak]
    dropped_points: int

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            detections=field(body, "detections", integer),
            upper_limits=field(body, "upperLimits", integer),
            first_jd=optional(body, "firstJd", number),
            last_jd=optional(body, "lastJd", number),
            latest=field(body, "latest", mapped(number)),
            fingerprint=field(body, "fingerprint", text),
            revision=field(body, "revision", integer),
            first_detection_jd=optional(body, "firstDetectionJd", number),
            last_detection_jd=optional(body, "lastDetectionJd", number),
            ndethist=optional(body, "ndethist", integer),
            jdstarthist=optional(body, "jdstarthist", number),
            peak=field(body, "peak", mapped(Peak.from_body), {}),
            dropped_points=field(body, "droppedPoints", integer, 0),
        )


@dataclass(frozen=True)
class Evidence:
    """The record Evidence of a message (hierax.classification.v1).

    Attributes
    ----------
    node
        Name of the child of the root.
    light_curve
        Contribution of the light curve, at the class mix of the training set; natural logarithm.
    context
        Contribution of the other fields of the packet; 0 without them, and for a model that does
        not use them.
    prior
        ln(share in the population / share in the training set); 0 without a population.
    """

    node: str
    light_curve: float
    context: float
    prior: float

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            node=field(body, "node", text),
            light_curve=field(body, "lightCurve", number),
            context=field(body, "context", number),
            prior=field(body, "prior", number),
        )


@dataclass(frozen=True)
class Context:
    """The record Context of a message (hierax.classification.v1).

    Attributes
    ----------
    sgscore1
        Nearest Pan-STARRS1 source: 0 galaxy, 1 star.
    distpsnr1
        Its distance, arcsec; None if there is none within 30 arcsec.
    sgmag1
        Its g magnitude.
    srmag1
        Its r magnitude.
    simag1
        Its i magnitude.
    szmag1
        Its z magnitude.
    sgscore2
        Second nearest Pan-STARRS1 source: 0 galaxy, 1 star.
    distpsnr2
        Its distance, arcsec.
    distnr
        Distance to the nearest source in the reference image, pixels of 1.012 arcsec.
    magnr
        Its magnitude.
    chinr
        Its chi, how well a point source fits it.
    sharpnr
        Its sharpness: 0 for a point source, above 0 for an extended one.
    neargaia
        Distance to the nearest Gaia source, arcsec; None if there is none within 90 arcsec.
    maggaia
        Its G magnitude.
    classtar
        SExtractor's score of the detection in the difference image: 0 extended, 1 point source.
    ndethist
        Number of detections within 1.5 arcsec since the survey began, down to 3 sigma.
    ncovhist
        Number of exposures that have covered this position.
    jdstarthist
        Julian date of the earliest of these detections.
    """

    sgscore1: float | None
    distpsnr1: float | None
    sgmag1: float | None
    srmag1: float | None
    simag1: float | None
    szmag1: float | None
    sgscore2: float | None
    distpsnr2: float | None
    distnr: float | None
    magnr: float | None
    chinr: float | None
    sharpnr: float | None
    neargaia: float | None
    maggaia: float | None
    classtar: float | None
    ndethist: int | None
    ncovhist: int | None
    jdstarthist: float | None

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            sgscore1=optional(body, "sgscore1", number),
            distpsnr1=optional(body, "distpsnr1", number),
            sgmag1=optional(body, "sgmag1", number),
            srmag1=optional(body, "srmag1", number),
            simag1=optional(body, "simag1", number),
            szmag1=optional(body, "szmag1", number),
            sgscore2=optional(body, "sgscore2", number),
            distpsnr2=optional(body, "distpsnr2", number),
            distnr=optional(body, "distnr", number),
            magnr=optional(body, "magnr", number),
            chinr=optional(body, "chinr", number),
            sharpnr=optional(body, "sharpnr", number),
            neargaia=optional(body, "neargaia", number),
            maggaia=optional(body, "maggaia", number),
            classtar=optional(body, "classtar", number),
            ndethist=optional(body, "ndethist", integer),
            ncovhist=optional(body, "ncovhist", integer),
            jdstarthist=optional(body, "jdstarthist", number),
        )


@dataclass(frozen=True)
class Population:
    """The record Population of a message (hierax.classification.v1).

    Attributes
    ----------
    name
        Its name in the model's card, or custom if the operator configured the shares.
    shares
        Share of each node among its siblings. Groups of siblings that are not listed keep the mix
        of the training set.
    """

    name: str
    shares: Mapping[str, float]

    @classmethod
    def from_body(cls, body: Body, /) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            name=field(body, "name", text),
            shares=field(body, "shares", mapped(number)),
        )


@dataclass(frozen=True)
class ClassificationFields:
    """The fields of a classification (hierax.classification.v1).

    Attributes
    ----------
    id
        objectId:candid:settings:fingerprint. Two messages with the same id have the same bytes:
        deduplicate by it. If admission leaves points out, the last part is not the fingerprint
        itself, but still a hash of everything that the message is computed from.
    object_id
        ZTF object.
    candid
        Candidate of the alert; exceeds 2^53, so JSON encodings write it as a string.
    jd
        Julian date of the alert's exposure, days.
    ra
        Right ascension, degrees, J2000.
    dec
        Declination, degrees, J2000.
    program_id
        Survey programme: 1 public, 2 and 3 restricted, 0 unknown.
    status
        Whether there are probabilities.
    reason
        For NOT_CLASSIFIED: PROGRAM, BOGUS, SOLAR_SYSTEM or TOO_FEW_DETECTIONS.
    alert
        Photometry of the alert; None for reason PROGRAM.
    nodes
        Every node but the root, parents before children; empty if NOT_CLASSIFIED.
    prediction
        The deepest node that the probabilities support, by the model's decision rule.
    novelty
        0 like the training set, 1 unlike anything in it; None if the model does not compute it.
    classifier
        The model that computed the message.
    light_curve
        The points that the classification is computed from: the object's points up to the alert's
        time.
    evidence
        The reasons: one entry for each child of the root, in the taxonomy's order. The softmax of
        the sums lightCurve + context + prior gives their conditional probabilities. Empty if
        NOT_CLASSIFIED.
    context
        The packet's fields about the position and its history, with ZTF's names; None for missing
        values (-999, a negative distance, a score outside 0 to 1). The whole record is None for
        reason PROGRAM.
    population
        The class mix to which the probabilities apply; None for a model without one, whose
        probabilities apply to the mix of its training set.
    """

    id: str
    object_id: str
    candid: int
    jd: float
    ra: float
    dec: float
    program_id: int
    status: str
    reason: str | None
    alert: AlertPhotometry | None
    nodes: tuple[Node, ...]
    prediction: Prediction | None
    novelty: float | None
    classifier: Provenance
    light_curve: LightCurveSummary
    evidence: tuple[Evidence, ...]
    context: Context | None
    population: Population | None

    @classmethod
    def from_body(cls, body: Body, /, **more: Any) -> Self:
        """Reads a decoded record; raises ValueError if a field is missing or has another type."""
        return cls(
            id=field(body, "id", text),
            object_id=field(body, "objectId", text),
            candid=field(body, "candid", integer),
            jd=field(body, "jd", number),
            ra=field(body, "ra", number),
            dec=field(body, "dec", number),
            program_id=field(body, "programId", integer),
            status=field(body, "status", text),
            reason=optional(body, "reason", text),
            alert=optional(body, "alert", AlertPhotometry.from_body),
            nodes=field(body, "nodes", listed(Node.from_body)),
            prediction=optional(body, "prediction", Prediction.from_body),
            novelty=optional(body, "novelty", number),
            classifier=field(body, "classifier", Provenance.from_body),
            light_curve=field(body, "lightCurve", LightCurveSummary.from_body),
            evidence=field(body, "evidence", listed(Evidence.from_body), []),
            context=optional(body, "context", Context.from_body),
            population=optional(body, "population", Population.from_body),
            **more,
        )
