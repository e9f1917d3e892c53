"""Tests against a service with one object, ZTF20aaelulu: `test/clients/tom-hierax.test.ts` of Hierax starts it."""

from datetime import datetime, timezone

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import TestCase, override_settings
from django.urls import reverse
from tom_dataproducts.models import PhotometryReducedDatum, ReducedDatum
from tom_dataservices.dataservices import NotConfiguredError, QueryServiceError, get_data_service_class
from tom_dataservices.models import DataServiceQuery
from tom_hierax.data_service import HieraxDataService
from tom_hierax.forms import HieraxQueryForm
from tom_targets.models import Target, TargetName

OBJECT = "ZTF20aaelulu"
RA, DEC = 185.7289, 15.8236


def names(**fields):
    """Names of the targets that a query finds."""
    service = HieraxDataService()
    return [result["name"] for result in service.query_targets(service.build_query_parameters(fields))]


class FormTest(TestCase):
    """What the form accepts."""

    def errors(self, **fields):
        form = HieraxQueryForm({"data_service": "Hierax", **fields})
        return form.errors.get("__all__", []) if not form.is_valid() else None

    def test_takes_any_condition(self):
        for fields in (
            {"object_id": OBJECT},
            {"node": "SN Ia", "min_probability": 0.9},
            {"since": "2019-01-01"},
            {"ra": "12:22:54.9", "dec": "+15:49:25", "radius": 5},
            {"min_probability": 0},
        ):
            self.assertIsNone(self.errors(**fields), fields)

    def test_refuses_half_a_position_and_an_empty_query(self):
        self.assertIn("go together", self.errors(ra="1", dec="2")[0])
        self.assertIn("go together", self.errors(object_id=OBJECT, radius=3)[0])
        self.assertIn("Give an object", self.errors(limit=5)[0])
        self.assertIsNotNone(self.errors(node="SN Ia", min_probability=2))


class QueryTest(TestCase):
    """What queries find."""

    def test_is_known_to_the_tom(self):
        self.assertIs(get_data_service_class("Hierax"), HieraxDataService)

    def test_finds_objects_by_id_class_time_and_position(self):
        for fields in (
            {"object_id": f" {OBJECT} "},
            {"node": "SN Ia", "min_probability": 0.2},
            {"min_probability": 0.7},
            {"since": "2020-01-01"},
            {"ra": str(RA), "dec": str(DEC), "radius": 2},
            {"ra": "12:22:54.936", "dec": "+15:49:24.96", "radius": 2, "node": "Transient"},
        ):
            self.assertEqual(names(**fields), [OBJECT], fields)

    def test_finds_nothing_else(self):
        for fields in (
            {"object_id": "ZTF20aaaaaaa"},
            {"node": "SN Ia", "min_probability": 0.9},
            {"since": "2021-01-01"},
            {"ra": str(RA), "dec": str(DEC + 0.01), "radius": 2},
        ):
            self.assertEqual(names(**fields), [], fields)

    def test_says_what_an_object_is(self):
        service = HieraxDataService()
        (result,) = service.query_targets({"object_id": OBJECT})
        self.assertEqual((result["ra"], result["dec"]), (RA, DEC))
        self.assertEqual((result["prediction"], result["probability"]), ("CC", 0.7425))
        self.assertEqual(result["probabilities"]["SN Ia"], 0.2475)
        self.assertEqual(result["last_alert"], "2020-01-08T10:47:23+00:00")

    def test_reports_what_the_service_refuses(self):
        for fields, reason in (({"node": "Nova"}, "Nova"), ({"ra": "x", "dec": "1", "radius": 1}, "ra is")):
            with self.assertRaisesRegex(QueryServiceError, reason):
                names(**fields)

    @override_settings(DATA_SERVICES={"Hierax": {"base_url": "http://127.0.0.1:1"}})
    def test_reports_a_service_that_does_not_answer(self):
        with self.assertRaisesRegex(QueryServiceError, "does not answer"):
            names(object_id=OBJECT)

    @override_settings(DATA_SERVICES={})
    def test_reports_missing_settings(self):
        with self.assertRaises(NotConfiguredError):
            names(object_id=OBJECT)

    def test_reports_a_wrong_token(self):
        from django.conf import settings

        wrong = {"Hierax": {**settings.DATA_SERVICES["Hierax"], "token": "wrong"}}
        with override_settings(DATA_SERVICES=wrong), self.assertRaisesRegex(QueryServiceError, "token"):
            names(object_id=OBJECT)


class DataTest(TestCase):
    """What becomes of a target."""

    def setUp(self):
        self.client.force_login(User.objects.create_superuser("operator"))

    def assert_has_data(self, target):
        limit, detection = PhotometryReducedDatum.objects.filter(target=target).order_by("timestamp")
        self.assertEqual((limit.limit, limit.brightness, limit.bandpass), (19.5, None, "g"))
        self.assertEqual((detection.brightness, detection.brightness_error, detection.limit), (17.25, 0.06, None))
        self.assertEqual((detection.unit, detection.source_name), ("mag", "Hierax"))
        self.assertEqual(limit.timestamp, datetime(2020, 1, 4, tzinfo=timezone.utc))
        self.assertEqual(detection.value["candid"], "1103449531415015006")
        (classification,) = ReducedDatum.objects.filter(target=target, data_type="classification")
        self.assertEqual(classification.value["probabilities"]["CC"], 0.7425)
        self.assertEqual(classification.value["prediction"]["node"], "CC")
        self.assertTrue(classification.source_location.endswith(f"/api/v1/objects/{OBJECT}"))

    def test_a_query_of_the_page_ends_in_a_target_with_data(self):
        page = self.client.get(reverse("tom_dataservices:create"), {"data_service": "Hierax"})
        self.assertContains(page, "object_id")
        query = {"data_service": "Hierax", "node": "Transient", "min_probability": "0.9", "limit": "10"}
        shown = self.client.post(reverse("tom_dataservices:create"), query, follow=True)
        self.assertContains(shown, OBJECT)
        self.assertContains(shown, "0.743")
        made = {"query_id": "", "data_service": "Hierax", "selected_results": ["0"]}
        self.client.post(reverse("dataservices:create-target"), made)
        target = Target.objects.get(name=OBJECT)
        self.assertEqual((target.ra, target.dec, target.type), (RA, DEC, "SIDEREAL"))
        self.assert_has_data(target)

    def test_a_saved_query_runs_by_command(self):
        query = DataServiceQuery.objects.create(
            name="supernovae", data_service="Hierax", parameters={"node": "Transient", "min_probability": 0.9}
        )
        call_command("rundataquery", query.id)
        call_command("rundataquery", query.id)
        self.assert_has_data(Target.objects.get(name=OBJECT))

    def test_updates_targets_by_name_alias_and_position_without_repeating_data(self):
        by_name = Target.objects.create(name=OBJECT, type="SIDEREAL", ra=1, dec=1)
        by_alias = Target.objects.create(name="SN 2020oi", type="SIDEREAL", ra=1, dec=1)
        TargetName.objects.create(target=by_alias, name=OBJECT)
        by_position = Target.objects.create(name="M100", type="SIDEREAL", ra=RA, dec=DEC + 1 / 3600)
        elsewhere = Target.objects.create(name="nothing", type="SIDEREAL", ra=RA, dec=DEC + 5 / 3600)
        for target in (by_name, by_alias, by_position, elsewhere, by_name):
            update = {"target": target.id, "data_service": "Hierax"}
            self.assertEqual(self.client.post(reverse("dataservices:update-data"), update).status_code, 302)
        for target in (by_name, by_alias, by_position):
            self.assert_has_data(target)
        self.assertEqual(PhotometryReducedDatum.objects.filter(target=elsewhere).count(), 0)

    def test_a_point_that_changes_replaces_the_earlier_one(self):
        target = Target.objects.create(name=OBJECT, type="SIDEREAL", ra=RA, dec=DEC)
        service = HieraxDataService()
        data = service.query_reduced_data(target)
        service.to_reduced_datums(target, data)
        data["photometry"][0] = {**data["photometry"][0], "type": "detection", "magnitude": 19.25, "error": 0.2}
        service.to_reduced_datums(target, data)
        first = PhotometryReducedDatum.objects.filter(target=target).earliest()
        self.assertEqual((first.brightness, first.limit), (19.25, None))
        self.assertEqual(PhotometryReducedDatum.objects.filter(target=target).count(), 2)
