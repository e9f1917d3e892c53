"""A TOM with the data service, in memory."""

import os

from tom_base.settings import *  # noqa: F403
from tom_base.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tom_hierax"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DATA_SERVICES = {"Hierax": {"base_url": os.environ["HIERAX_URL"], "token": "secret"}}
# That of the TOM needs packages for its own tests.
TEST_RUNNER = "django.test.runner.DiscoverRunner"
ALLOWED_HOSTS = ["testserver"]
