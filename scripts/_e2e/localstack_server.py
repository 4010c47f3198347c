"""LocalStack's process, run by the Python of its own environment: its packages and the sandbox's do not agree.

Changed about it: it ends with its starter, as moto_server.py does it; it listens where it is told to; and in three
places it does what AWS documents. Without these, forms would be refused here, lower-cased headers found without the loop
in the mapping template, and refusals answered in LocalStack's words.
"""

import functools
import json
import os
import threading
from typing import Any

from localstack.runtime import main as runtime
from localstack.runtime.server import twisted
from localstack.services.apigateway.next_gen.execute_api import template_mapping
from localstack.services.apigateway.next_gen.execute_api.handlers import gateway_exception, method_request


def main() -> None:
    """Serves until the standard input ends."""
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    _on_this_machine_alone()
    _headers_by_exact_case()
    _models_by_content_type()
    _refusals_by_gateway_response()
    runtime.main()


def _end_with_the_starter() -> None:
    """Not in order: everything is in memory, and nothing in it is worth the seconds that LocalStack takes to end."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _on_this_machine_alone() -> None:
    """GATEWAY_LISTEN names an address, and LocalStack listens on all of them."""
    everywhere = twisted.endpoints.TCP4ServerEndpoint
    twisted.endpoints.TCP4ServerEndpoint = functools.partial(everywhere, interface="127.0.0.1")


def _headers_by_exact_case() -> None:
    """In a template, `$input.params().header` is a map, and names match by exact case. LocalStack's is neither."""
    plain = template_mapping.VelocityInput.__init__

    def exact(self: Any, body: Any, params: Any) -> None:
        plain(self, body, {**params, "header": dict(params["header"])} if params else params)

    template_mapping.VelocityInput.__init__ = exact


def _models_by_content_type() -> None:
    """AWS validates a body by the model of its content type, and not at all where there is none.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
    """
    handler = method_request.MethodRequestHandler
    plain = handler._is_body_valid

    def valid(method: Any, rest_api: Any, request: Any) -> bool:
        kind = request["headers"].get("Content-Type", "application/json").partition(";")[0].strip()
        return kind not in (method.get("requestModels") or {}) or plain(method, rest_api, request)

    handler._is_body_valid = staticmethod(valid)


def _refusals_by_gateway_response() -> None:
    """LocalStack keeps the gateway responses of an API and uses nothing of them but the status.

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
        answer.set_data(template.replace("$context.error.messageString", json.dumps(exception.message)))
        return answer

    handler.create_exception_response = customised


main()
