"""Lets moto forget what no longer exists.

moto keeps a list of all objects of its models that were ever made, for its dashboard: each copy of
each row and each message. Only its S3 reads such a list, and the sandbox has no use for either.
"""

from typing import Any

from moto.core.common_models import BaseModel


def install() -> None:
    """Stops moto's lists from growing."""
    BaseModel.__new__ = _new


def _new(cls: type[BaseModel], *_args: Any, **_kwargs: Any) -> BaseModel:
    made = object.__new__(cls)
    if cls.__module__ == "moto.s3.models":
        cls.instances_tracked.append(made)
    return made
