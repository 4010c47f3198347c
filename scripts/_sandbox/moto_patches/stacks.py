"""Gives CloudFormation the stacks that played executions deploy, and deletes those they delete.

Nothing reads a template: each stack has the parameters of its action, and an output `Url`. moto's
CloudFormation is imported when the first stack is needed: it imports the models of all services,
which takes half a second and 100 MB.
"""

import importlib.util
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_UNUSED = "openapi_spec_validator"
"""What moto's API Gateway imports to read OpenAPI documents. The sandbox has none of them."""

_DEPLOYING = ("CREATE_UPDATE", "REPLACE_ON_FAILURE", "CHANGE_SET_EXECUTE")
_DELETING = "DELETE_ONLY"

_PROTECT = "update_termination_protection"
"""The operation that moto lacks, by which a test lets a deletion fail."""

Json = dict[str, Any]


def install() -> None:
    """Lets moto's CloudFormation be imported without a package that nothing here uses."""
    if importlib.util.find_spec(_UNUSED) is not None:
        return
    for name in (_UNUSED, f"{_UNUSED}.validation", f"{_UNUSED}.validation.exceptions"):
        sys.modules[name] = ModuleType(name)
    sys.modules[_UNUSED].__dict__["validate"] = None
    exceptions = sys.modules[f"{_UNUSED}.validation.exceptions"]
    exceptions.__dict__["OpenAPIValidationError"] = ValueError


def follow(account: str, region: str, action: Json) -> dict[str, str]:
    """Does what an action of a pipeline that succeeded does, and returns its output variables."""
    settings = action.get("configuration") or {}
    if action["actionTypeId"]["provider"] != "CloudFormation":
        return {}
    mode, name = settings.get("ActionMode"), settings.get("StackName")
    backend = _backend(account, action.get("region") or region)
    if mode == _DELETING:
        backend.delete_stack(name)
    elif mode in _DEPLOYING:
        return _deploy(backend, name, settings)
    return {}


def _backend(account: str, region: str) -> Any:
    from moto.cloudformation.models import cloudformation_backends
    from moto.cloudformation.responses import CloudFormationResponse

    if not hasattr(CloudFormationResponse, _PROTECT):
        setattr(CloudFormationResponse, _PROTECT, _update_protection)
        CloudFormationResponse.delete_stack = _unless_protected(CloudFormationResponse.delete_stack)
    return cloudformation_backends[account][region]


def _update_protection(self: Any) -> Any:
    from moto.core.responses import ActionResult

    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    protected = self._get_param("EnableTerminationProtection")
    stack.enable_termination_protection = str(protected).lower() == "true"
    return ActionResult({"StackId": stack.stack_id})


def _unless_protected(delete: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(self: Any) -> Any:
        from moto.cloudformation.exceptions import ValidationError

        wanted = self._get_param("StackName")
        for stack in self.cloudformation_backend.stacks.values():
            if wanted in (stack.name, stack.stack_id) and stack.enable_termination_protection:
                message = (
                    f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
                )
                raise ValidationError(message=message)
        return delete(self)

    return run


def _deploy(backend: Any, name: str, settings: Json) -> dict[str, str]:
    parameters = json.loads(settings.get("ParameterOverrides") or "{}")
    template = {
        "Parameters": {each: {"Type": "String"} for each in parameters},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Url": {"Value": f"https://{name}.example.com"}},
    }
    role, text = settings.get("RoleArn"), json.dumps(template)
    existing = next((stack for stack in backend.stacks.values() if stack.name == name), None)
    if existing is None:
        stack = backend.create_stack(name, text, parameters, role_arn=role)
    else:
        stack = existing
        stack.update(text, role, parameters=parameters)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.outputs or []}
