"""`python -m hierax_client` is `hierax-client`."""

import sys

from .cli import main

sys.exit(main())
