"""Lets GetResources of the Resource Groups Tagging API show pipelines, which moto leaves out.

Its pages are limited by the number of tags only if the request says so, as AWS documents it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from moto.codepipeline.models import codepipeline_backends
from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from .pipelines import LOCK

TYPE = "codepipeline:pipeline"

Generate = Callable[..., Iterator[TaggedResource]]


def install() -> None:
    """Replaces the operation for the rest of the process."""
    backend = ResourceGroupsTaggingAPIBackend
    backend._get_resources_generator = _with_pipelines(backend._get_resources_generator)
    backend.get_resources = _by_resources(backend.get_resources)


def _with_pipelines(generate: Generate) -> Generate:
    def run(
        self: ResourceGroupsTaggingAPIBackend,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        yield from generate(self, tag_filters, resource_type_filters, resource_arn_list)
        if not match_resource_type(TYPE, resource_type_filters):
            return
        matches = make_tag_matcher(tag_filters)
        for arn, tags in _pipelines(self):
            if tags and matches(tags) and (not resource_arn_list or arn in resource_arn_list):
                yield TaggedResource(arn=arn, tags=tags, resource_type=TYPE)

    return run


def _pipelines(backend: ResourceGroupsTaggingAPIBackend) -> list[tuple[str, dict[str, str]]]:
    with LOCK:
        found = codepipeline_backends[backend.account_id][backend.region_name].pipelines.values()
        return [(pipeline._arn, dict(pipeline.tags)) for pipeline in found]


def _by_resources(get: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: ResourceGroupsTaggingAPIBackend, *, tags_per_page: int, **more: Any) -> Any:
        # 100 is what moto takes if the request has no limit.
        limit = {"tags_per_page": tags_per_page if tags_per_page > 100 else 100_000}
        return get(self, **limit, **more)

    return run
