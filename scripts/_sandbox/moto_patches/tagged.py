"""Lets GetResources of the Resource Groups Tagging API show what moto leaves out: pipelines, and
projects of CodeBuild.

Its pages are limited by the number of tags only if the request says so, as AWS documents it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from moto.codebuild.models import codebuild_backends
from moto.codepipeline.models import codepipeline_backends
from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend

from .pipelines import LOCK

PIPELINE = "codepipeline:pipeline"
PROJECT = "codebuild:project"

Generate = Callable[..., Iterator[TaggedResource]]


def install() -> None:
    """Replaces the operation for the rest of the process."""
    backend = ResourceGroupsTaggingAPIBackend
    backend._get_resources_generator = _with_more(backend._get_resources_generator)
    backend.get_resources = _by_resources(backend.get_resources)


def _with_more(generate: Generate) -> Generate:
    def run(
        self: ResourceGroupsTaggingAPIBackend,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
        resource_arn_list: list[str] | None = None,
    ) -> Iterator[TaggedResource]:
        yield from generate(self, tag_filters, resource_type_filters, resource_arn_list)
        matches = make_tag_matcher(tag_filters)
        for kind, resources in ((PIPELINE, _pipelines(self)), (PROJECT, _projects(self))):
            if not match_resource_type(kind, resource_type_filters):
                continue
            for arn, tags in resources:
                if tags and matches(tags) and (not resource_arn_list or arn in resource_arn_list):
                    yield TaggedResource(arn=arn, tags=tags, resource_type=kind)

    return run


def _pipelines(backend: ResourceGroupsTaggingAPIBackend) -> list[tuple[str, dict[str, str]]]:
    with LOCK:
        found = codepipeline_backends[backend.account_id][backend.region_name].pipelines.values()
        return [(pipeline._arn, dict(pipeline.tags)) for pipeline in found]


def _projects(backend: ResourceGroupsTaggingAPIBackend) -> list[tuple[str, dict[str, str]]]:
    found = codebuild_backends[backend.account_id][backend.region_name].codebuild_projects
    tags = [(project.arn, project.tags or []) for project in list(found.values())]
    return [(arn, {tag["key"]: tag["value"] for tag in listed}) for arn, listed in tags]


def _by_resources(get: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: ResourceGroupsTaggingAPIBackend, *, tags_per_page: int, **more: Any) -> Any:
        # 100 is what moto takes if the request has no limit.
        limit = {"tags_per_page": tags_per_page if tags_per_page > 100 else 100_000}
        return get(self, **limit, **more)

    return run
