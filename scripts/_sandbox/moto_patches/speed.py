"""Makes two things cheap: the list of services, which moto reads from the disk for each request,
and the time, which it asks for each message of a queue.
"""

import time

from moto import backends
from moto.sqs import models


def install() -> None:
    """Replaces them for the rest of the process."""
    services = frozenset(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services
    models.unix_time_millis = lambda: time.time() * 1_000
    models.unix_time = time.time
