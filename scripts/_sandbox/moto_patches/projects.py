"""Adds UpdateProject of CodeBuild, which moto does not have.

What a request names replaces what the project has, and the rest stays, as AWS documents it.
"""

import json
import time

from moto.codebuild.exceptions import ResourceNotFoundException
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult


def install() -> None:
    """Adds the operation for the rest of the process."""
    CodeBuildResponse.update_project = _update_project


def _update_project(self: CodeBuildResponse) -> ActionResult:
    request = json.loads(self.body)
    name = request.pop("name")
    project = self.codebuild_backend.codebuild_projects.get(name)
    if project is None:
        raise ResourceNotFoundException(f"Project cannot be found: {name}")
    project.project_metadata.update(request, lastModifiedDate=time.time())
    if "tags" in request:
        project.tags = request["tags"]
    return ActionResult({"project": project.project_metadata})
