"""Refuses the requests that AWS refuses, before moto sees them.

Every service but EC2 is held to botocore's service model, in JSON and in forms. CodePipeline,
DynamoDB and SQS are held to the rules that their models leave out as well.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.responses import ActionResult, BaseResponse
from moto.core.utils import get_service_model
from moto.sqs.responses import SQSResponse

from ..request_rules import codepipeline, dynamodb, sqs, violations
from ..request_rules.refusal import Refusal, from_violations

RULES: Mapping[str, Callable[[str, dict[str, Any]], None]] = {
    "codepipeline": codepipeline.check,
    "dynamodb": dynamodb.check,
    "sqs": sqs.check,
}

_JSON = "application/x-amz-json-"
_FORM = "application/x-www-form-urlencoded"


def install() -> None:
    """Checks requests from now on, in every service of moto that uses its usual dispatch."""
    BaseResponse._dispatch = _checked(BaseResponse._dispatch)
    SQSResponse.send_message_batch = _each_by_itself(SQSResponse.send_message_batch)


def _checked(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Any, request: Request, full_url: str | None = None, headers: Any = None) -> Any:
        try:
            _check(self.boto3_service_name, request)
        except Refusal as refusal:
            # moto's parser would fail at the parameters that are invalid.
            self.automated_parameter_parsing = False
            self.setup_class(request, full_url, headers)
            status, answer_headers, body = self.serialized(ActionResult(refusal))
            if request.content_type and request.content_type.startswith(_JSON):
                # moto knows no type for services whose model lists CBOR first.
                answer_headers["Content-Type"] = request.content_type
            return status, *self._enrich_response(answer_headers, body)
        return dispatch(self, request, full_url, headers)

    return run


def _check(service: str, request: Request) -> None:
    """Raises the Refusal of a service. Requests of other protocols are not checked."""
    if request.content_encoding:
        return
    content_type = request.content_type or ""
    if content_type.startswith(_JSON):
        name = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        protocol = "json"
    elif content_type.startswith(_FORM):
        name = request.form.get("Action", "")
        protocol = "query"
    else:
        return
    model = get_service_model(service)
    if name not in model.operation_names or model.protocol == "ec2":
        return
    operation = model.operation_model(name)
    if operation.input_shape is None:
        return
    parameters = _json(request) if protocol == "json" else _form(operation, request)
    found = list(violations.find(operation.input_shape, parameters))
    if found:
        raise from_violations(service, protocol, found)
    if service in RULES:
        RULES[service](name, parameters)


def _json(request: Request) -> Any:
    try:
        return json.loads(request.get_data() or b"{}")
    except ValueError:
        raise Refusal("SerializationException", "The body is not valid JSON") from None


def _form(operation: OperationModel, request: Request) -> dict[str, Any]:
    parser = PROTOCOL_PARSERS["query"](operation)
    try:
        parsed = parser.parse({"values": request.values, "url_path": request.path})
    except ValueError as error:
        raise Refusal("MalformedInput", str(error)) from None
    if "QueueUrl" in operation.input_shape.members:
        # A form may be sent to the address of its queue instead of naming it.
        parsed.setdefault("QueueUrl", request.path)
    return dict(parsed)


def _each_by_itself(send: Callable[..., ActionResult]) -> Callable[..., ActionResult]:
    """Lets an invalid message of a batch fail alone. moto refuses the whole batch."""

    def run(self: SQSResponse) -> ActionResult:
        good, failed = [], []
        for entry in self.params["Entries"]:
            try:
                sqs.check_message(entry)
                good.append(entry)
            except Refusal as refusal:
                answer = {"Code": refusal.code, "Message": refusal.message, "SenderFault": True}
                failed.append({"Id": entry["Id"], **answer})
        if not good:
            return ActionResult({"Successful": [], "Failed": failed})
        self.params["Entries"] = good
        result = send(self)
        if failed:
            result.result["Failed"] = [*result.result.get("Failed", []), *failed]
        return result

    return run
