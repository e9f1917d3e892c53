"""The data service: queries, targets, light curves and classifications."""

import re
from datetime import timezone

from astropy.time import Time
from tom_dataproducts.models import PhotometryReducedDatum, ReducedDatum
from tom_dataservices.dataservices import DataService
from tom_targets.models import Target

from . import __version__
from .client import HieraxClient
from .forms import HieraxQueryForm

# Objects that are found for a query without a limit.
DEFAULT_LIMIT = 100

# How far an object may be from a target that has no ZTF name, arcsec.
MATCH_RADIUS = 2.0

ZTF_NAME = re.compile(r"ZTF\d{2}[a-z]{7}")


class HieraxDataService(DataService):
    """A Hierax service, configured in `settings.DATA_SERVICES["Hierax"]`.

    `base_url` is the address of the service. `token` is the value of its setting `http.token`, and `timeout` how long to wait for an
    answer in seconds (60 by default).
    """

    name = "Hierax"
    verbose_name = "Hierax: hierarchical classification of ZTF alerts"
    app_version = __version__
    app_link = "https://pypi.org/project/tom-hierax/"
    service_notes = "Probabilities of every node of a taxonomy, and light curves, of the objects in a Hierax service."
    query_results_table = "tom_hierax/query_results_table.html"

    @classmethod
    def get_form_class(cls):
        """Return the form of a query."""
        return HieraxQueryForm

    @classmethod
    def urls(cls, **kwargs):
        """Addresses of the service."""
        base_url = cls.get_configuration("base_url", "http://localhost:8080").rstrip("/")
        return {**super().urls(), "base_url": base_url, "object_url": f"{base_url}/api/v1/objects"}

    def client(self):
        """Return a client of the configured service. Raises NotConfiguredError."""
        options = {name: self.get_configuration(name) for name in ("token", "timeout")}
        return HieraxClient(
            self.get_configuration("base_url", "http://localhost:8080"),
            **{name: value for name, value in options.items() if value},
        )

    def build_query_parameters(self, parameters, **kwargs):
        """Turn the fields of the form into parameters of the service."""
        if parameters.get("object_id"):
            return {"object_id": parameters["object_id"].strip()}
        names = {"node": "node", "min_probability": "min", "since": "since", "ra": "ra", "dec": "dec", "radius": "radius"}
        given = {key: parameters.get(field) for field, key in names.items()}
        query = {key: value for key, value in given.items() if value not in (None, "")}
        return {**query, "limit": parameters.get("limit") or DEFAULT_LIMIT}

    def build_query_parameters_from_target(self, target, **kwargs):
        """Ask for the target by its ZTF name, or for the nearest object within two arcsec."""
        for name in [target.name, *(alias.name for alias in target.aliases.all())]:
            if ZTF_NAME.fullmatch(name):
                return {"object_id": name}
        return {"ra": target.ra, "dec": target.dec, "radius": MATCH_RADIUS, "limit": DEFAULT_LIMIT}

    def query_service(self, query_parameters, **kwargs):
        """Return classifications of objects, as in the messages of Hierax; those without an alert are left out."""
        client = self.client()
        if "object_id" in query_parameters:
            found = client.object(query_parameters["object_id"])
            classification = found and found["classification"]
            self.query_results = [classification] if classification else []
        else:
            self.query_results = client.objects(**query_parameters)
        return self.query_results

    def query_targets(self, query_parameters, **kwargs):
        """Return what the table of results shows of each object, and what a target is made of."""
        return [self._target_result(classification) for classification in self.query_service(query_parameters)]

    def query_reduced_data(self, target, **kwargs):
        """Return the light curve and the classification of a target."""
        found = self._object_of(target)
        if found is None:
            return {"photometry": [], "classification": []}
        points = [{**point, "objectId": found["objectId"]} for point in found["lightCurve"] if point["admitted"]]
        return {"photometry": points, "classification": [found["classification"]] if found["classification"] else []}

    def query_photometry(self, query_parameters, **kwargs):
        """Return the points of an object that pass the service's admission settings."""
        found = self.client().object(query_parameters["object_id"]) if "object_id" in query_parameters else None
        return [point for point in found["lightCurve"] if point["admitted"]] if found else []

    def create_target_from_query(self, target_result, **kwargs):
        """Make a sidereal target at the position of the newest alert."""
        return Target(name=target_result["name"], type="SIDEREAL", ra=target_result["ra"], dec=target_result["dec"])

    def create_reduced_datums_from_query(self, target, data, data_type=None, **kwargs):
        """Store points of the light curve, or the classification. Data that are there already are updated, not repeated."""
        if data_type == "photometry":
            return [self._store_point(target, point) for point in data]
        if data_type == "classification":
            return [self._store_classification(target, classification) for classification in data]
        return []

    def _target_result(self, classification):
        prediction = classification["prediction"] or {}
        alert = classification["alert"] or {}
        return {
            "name": classification["objectId"],
            "ra": classification["ra"],
            "dec": classification["dec"],
            "prediction": prediction.get("node") or classification["reason"],
            "probability": prediction.get("probability"),
            "probabilities": {node["name"]: node["probability"] for node in classification["nodes"]},
            "novelty": classification["novelty"],
            "band": alert.get("band"),
            "magnitude": alert.get("magnitude"),
            "detections": classification["lightCurve"]["detections"],
            "last_alert": _time(classification["jd"]).isoformat(timespec="seconds"),
        }

    def _object_of(self, target):
        """Return the object of a target: by its name, else the nearest one."""
        query = self.build_query_parameters_from_target(target)
        if "object_id" in query:
            return self.client().object(query["object_id"])
        found = self.client().objects(**query)
        if not found:
            return None
        nearest = min(found, key=lambda one: _separation(target, one))
        return self.client().object(nearest["objectId"])

    def _store_point(self, target, point):
        is_detection = point["type"] == "detection"
        quality = {name: point[name] for name in ("candid", "positive", "realBogus") if point[name] is not None}
        datum, _ = PhotometryReducedDatum.objects.update_or_create(
            target=target,
            timestamp=_time(point["jd"]),
            bandpass=point["band"],
            instrument="ZTF",
            source_name=self.name,
            defaults={
                "telescope": "P48",
                "brightness": point["magnitude"] if is_detection else None,
                "brightness_error": point["error"],
                "limit": None if is_detection else point["magnitude"],
                "unit": "mag",
                "value": quality,
                "source_location": self._location(point.get("objectId") or target.name),
            },
        )
        return datum

    def _store_classification(self, target, classification):
        classifier = classification["classifier"]
        datum, _ = ReducedDatum.objects.update_or_create(
            target=target,
            data_type="classification",
            timestamp=_time(classification["jd"]),
            source_name=self.name,
            reduction_version=f"{classifier['name']} {classifier['version']}"[:50],
            defaults={
                "value": {
                    "id": classification["id"],
                    "probabilities": {node["name"]: node["probability"] for node in classification["nodes"]},
                    **{name: classification[name] for name in ("status", "reason", "prediction", "novelty", "classifier")},
                },
                "source_location": self._location(classification["objectId"]),
            },
        )
        return datum

    def _location(self, object_id):
        return self.client().object_url(object_id)[:200]


def _time(jd):
    return Time(jd, format="jd", scale="utc").to_datetime(timezone=timezone.utc)


def _separation(target, classification):
    from astropy.coordinates import SkyCoord

    place = SkyCoord(classification["ra"], classification["dec"], unit="deg")
    return SkyCoord(target.ra, target.dec, unit="deg").separation(place).arcsec


