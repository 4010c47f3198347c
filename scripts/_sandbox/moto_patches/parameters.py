"""Reads the action of a JSON request from its header, and the parameters from the JSON only.

moto reads a JSON body as a form, too: with `&Action=DeleteQueue&` in its body, a message deletes
the queue instead of being sent, and `&name=x&` replaces a parameter.
"""

from collections.abc import Callable
from typing import Any

from moto.core.request import Request
from moto.core.responses import BaseResponse

_TARGET = "X-Amz-Target"


def install() -> None:
    """Replaces moto's reading for the rest of the process."""
    BaseResponse._get_action = _from_target(BaseResponse._get_action)
    BaseResponse.setup_class = _without_form(BaseResponse.setup_class)


def _from_target(get_action: Callable[[Any], str]) -> Callable[[Any], str]:
    def run(self: BaseResponse) -> str:
        target = self.headers.get(_TARGET)
        return target.rpartition(".")[2] if target else get_action(self)

    return run


def _without_form(setup: Callable[..., None]) -> Callable[..., None]:
    def run(self: BaseResponse, request: Request, *args: Any, **kwargs: Any) -> None:
        setup(self, request, *args, **kwargs)
        if request.headers.get(_TARGET):
            self.querystring = self.data = {}

    return run
