"""The Django app, which TOM Toolkit asks for its data services."""

from django.apps import AppConfig


class TomHieraxConfig(AppConfig):
    """Adds `HieraxDataService` to the data services of a TOM."""

    name = "tom_hierax"
    verbose_name = "Hierax"

    def data_services(self):
        """Return the data services of this app, as TOM Toolkit expects them."""
        return [{"class": "tom_hierax.data_service.HieraxDataService"}]
