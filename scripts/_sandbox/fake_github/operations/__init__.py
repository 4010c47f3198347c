"""The operations of the API, by their names in GitHub's OpenAPI description."""

from collections.abc import Callable

from ..answers import Answer
from ..call import Call
from . import apps, checks, comments, deliveries, deployments, repositories, statuses

HANDLERS: dict[str, Callable[[Call], Answer]] = {
    **apps.HANDLERS,
    **checks.HANDLERS,
    **comments.HANDLERS,
    **deliveries.HANDLERS,
    **deployments.HANDLERS,
    **repositories.HANDLERS,
    **statuses.HANDLERS,
}
