"""The process of LocalStack. It runs with the Python of the environment e2e.

It differs from a plain LocalStack: it ends with its starter, like moto_server.py; it listens on one
address only; and five changes make it do what AWS documents. Without these, it would refuse forms,
find lower-case headers without the loop in the mapping template, answer refusals with its own text,
ignore the resource policy, and never remove the settings of one method.
"""

import functools
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from localstack.runtime import main as runtime
from localstack.runtime.server import twisted
from localstack.services.apigateway.next_gen import provider
from localstack.services.apigateway.next_gen.execute_api import template_mapping
from localstack.services.apigateway.next_gen.execute_api.gateway_response import AccessDeniedError
from localstack.services.apigateway.next_gen.execute_api.handlers import (
    gateway_exception,
    method_request,
)

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _infra import resource_policy


def main() -> None:
    """Serves until standard input ends."""
    threading.Thread(target=_exit_with_the_starter, daemon=True).start()
    _listen_on_one_address()
    _match_headers_by_exact_case()
    _validate_by_content_type()
    _answer_by_gateway_response()
    _enforce_the_resource_policy()
    _remove_settings_of_one_method()
    runtime.main()


def _exit_with_the_starter() -> None:
    """Exits at once when the starter ends, because an orderly stop takes seconds."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _listen_on_one_address() -> None:
    """Makes LocalStack listen on 127.0.0.1. It ignores the address in GATEWAY_LISTEN."""
    everywhere = twisted.endpoints.TCP4ServerEndpoint
    twisted.endpoints.TCP4ServerEndpoint = functools.partial(everywhere, interface="127.0.0.1")


def _match_headers_by_exact_case() -> None:
    """Makes `$input.params().header` a map whose names match by exact case, as on AWS."""
    plain = template_mapping.VelocityInput.__init__

    def exact(self: Any, body: Any, params: Any) -> None:
        plain(self, body, {**params, "header": dict(params["header"])} if params else params)

    template_mapping.VelocityInput.__init__ = exact


def _validate_by_content_type() -> None:
    """Validates a body by the model of its content type, and not at all without one, as on AWS.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
    """
    handler = method_request.MethodRequestHandler
    plain = handler._is_body_valid

    def valid(method: Any, rest_api: Any, request: Any) -> bool:
        kind = request["headers"].get("Content-Type", "application/json").partition(";")[0].strip()
        return kind not in (method.get("requestModels") or {}) or plain(method, rest_api, request)

    handler._is_body_valid = staticmethod(valid)


def _answer_by_gateway_response() -> None:
    """Uses the gateway responses of the API. LocalStack uses only their status.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
    """
    handler = gateway_exception.GatewayExceptionHandler
    plain = handler.create_exception_response

    def customised(self: Any, exception: Any, context: Any) -> Any:
        answer = plain(self, exception, context)
        responses = context.deployment.rest_api.gateway_responses
        found = gateway_exception.get_gateway_response_or_default(exception.type, responses)
        for name, value in found["responseParameters"].items():
            answer.headers[name.removeprefix("gatewayresponse.header.")] = value.strip("'")
        template = found["responseTemplates"]["application/json"]
        answer.set_data(
            template.replace("$context.error.messageString", json.dumps(exception.message))
        )
        return answer

    handler.create_exception_response = customised


def _enforce_the_resource_policy() -> None:
    """Denies a request that the policy of the deployed API does not allow.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
    """
    handler = method_request.MethodRequestHandler
    plain = handler.__call__

    def enforced(self: Any, chain: Any, context: Any, response: Any) -> None:
        # Like AWS, it keeps the policy as the inside of a JSON string.
        policy = json.loads(f'"{context.deployment.rest_api.rest_api["policy"]}"')
        api = f"{context.region}:{context.account_id}:{context.api_id}/{context.stage}"
        request = f"{context.request.method}{context.resource['path']}"
        # Not `sourceIp` of the context, which is always 127.0.0.1.
        address = context.request.remote_addr
        if not resource_policy.allows(policy, f"arn:aws:execute-api:{api}/{request}", address):
            raise AccessDeniedError("User: anonymous is not authorized")
        plain(self, chain, context, response)

    handler.__call__ = enforced


def _remove_settings_of_one_method() -> None:
    """Removes the settings of one method of a stage. LocalStack only removes those of all methods.

    https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
    """
    service = provider.ApigatewayNextGenProvider
    plain = service.update_stage

    @functools.wraps(plain)
    def updated(self: Any, context: Any, rest_api_id: str, stage_name: str, **others: Any) -> Any:
        operations = others.get("patch_operations") or []
        stage = provider.get_moto_rest_api(context, rest_api_id).stages.get(stage_name)
        kept = [each for each in operations if not (stage and _removes_settings(stage, each))]
        return plain(
            self, context, rest_api_id, stage_name, **(others | {"patch_operations": kept})
        )

    service.update_stage = updated


def _removes_settings(stage: Any, operation: dict[str, Any]) -> bool:
    """Returns whether the operation removes settings, which have the path as their name."""
    name = operation["path"].strip("/")
    return operation["op"] == "remove" and stage.method_settings.pop(name, None) is not None


main()
