"""Subscribe to the classifications of ZTF alerts that Hierax publishes on Kafka."""

from . import filters
from ._records import (
    AlertPhotometry,
    Context,
    Evidence,
    LightCurveSummary,
    Node,
    Peak,
    Population,
    Prediction,
    Provenance,
)
from .current import CurrentAnswers
from .decoding import Decoder, Registry, RegistryError
from .records import (
    Classification,
    DeadLetter,
    Delivery,
    Event,
    Model,
    Probabilities,
    Retraction,
    Tombstone,
    Unreadable,
)
from .service import History, Moment, ObjectView, Point, Service, ServiceError
from .stream import Classifications, Counts, StreamError
from .tables import to_pandas

__all__ = [
    "AlertPhotometry",
    "Classification",
    "Classifications",
    "Context",
    "Counts",
    "CurrentAnswers",
    "DeadLetter",
    "Decoder",
    "Delivery",
    "Event",
    "Evidence",
    "History",
    "LightCurveSummary",
    "Model",
    "Moment",
    "Node",
    "ObjectView",
    "Peak",
    "Point",
    "Population",
    "Prediction",
    "Probabilities",
    "Provenance",
    "Registry",
    "RegistryError",
    "Retraction",
    "Service",
    "ServiceError",
    "StreamError",
    "Tombstone",
    "Unreadable",
    "filters",
    "to_pandas",
]
