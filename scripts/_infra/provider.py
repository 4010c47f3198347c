"""Implements a stand-in for the AWS provider: the real schema, but plans and applies of its own.

Terraform finds it through TF_REATTACH_PROVIDERS. Then init, validate, plan, apply and test run as
usual, and Terraform checks every argument against the schema, but nothing is downloaded and AWS is
not called. The stand-in makes up the values that AWS would fill in. Those that become part of a
policy are ARNs of the right shape, so that the policies can be tested.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import msgpack

from . import schema
from .messages import message

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ADDRESSES = {"aws": "hashicorp/aws", "github": "integrations/github"}

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
_UNKNOWN = msgpack.ExtType(0, b"\x00")

# The values that AWS derives from the arguments, by resource type and attribute.
_DERIVED = {
    ("aws_sqs_queue", "arn"): "arn:aws:sqs:{region}:{account}:{name}",
    ("aws_sqs_queue", "url"): "https://sqs.{region}.amazonaws.com/{account}/{name}",
    ("aws_sqs_queue", "id"): "https://sqs.{region}.amazonaws.com/{account}/{name}",
    ("aws_cloudwatch_event_rule", "arn"): "arn:aws:events:{region}:{account}:rule/{name}",
    ("aws_dynamodb_table", "arn"): "arn:aws:dynamodb:{region}:{account}:table/{name}",
    ("aws_iam_role", "arn"): "arn:aws:iam::{account}:role/{name}",
    ("aws_iam_role", "id"): "{name}",
    ("aws_iam_policy", "arn"): "arn:aws:iam::{account}:policy/{name}",
    ("aws_cloudwatch_log_group", "arn"): "arn:aws:logs:{region}:{account}:log-group:{name}",
    ("aws_sns_topic", "arn"): "arn:aws:sns:{region}:{account}:{name}",
    ("aws_api_gateway_domain_name", "regional_domain_name"): "d-stub.execute-api.{region}.amazonaws.com",
    ("aws_ecs_cluster", "id"): "arn:aws:ecs:{region}:{account}:cluster/{name}",
    ("aws_security_group", "id"): "sg-stub",
    ("aws_ssm_parameter", "arn"): "arn:aws:ssm:{region}:{account}:parameter{name}",
    ("aws_api_gateway_rest_api", "execution_arn"): "arn:aws:execute-api:{region}:{account}:stubapi",
    ("aws_api_gateway_stage", "invoke_url"): "https://stubapi.execute-api.{region}.amazonaws.com/{stage_name}",
    ("aws_codeconnections_connection", "arn"): (
        "arn:aws:codeconnections:{region}:{account}:connection/00000000-0000-4000-8000-000000000000"
    ),
    ("aws_codebuild_project", "arn"): "arn:aws:codebuild:{region}:{account}:project/{name}",
    ("aws_codepipeline", "arn"): "arn:aws:codepipeline:{region}:{account}:{name}",
    ("aws_s3_bucket", "bucket"): "{bucket_prefix}stub",
    ("aws_s3_bucket", "id"): "{bucket_prefix}stub",
    ("aws_s3_bucket", "arn"): "arn:aws:s3:::{bucket_prefix}stub",
    ("aws_secretsmanager_secret", "arn"): "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    ("aws_secretsmanager_secret", "id"): "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    ("aws_secretsmanager_secret_version", "arn"): "{secret_id}",
    ("aws_caller_identity", "account_id"): "{account}",
    ("aws_region", "region"): "{region}",
    ("aws_partition", "partition"): "aws",
}


def _read(value: Any) -> Any:
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json) if value.json else None


def _write(value: Any) -> Any:
    return message("DynamicValue")(msgpack=msgpack.packb(value))


def _schema(block: schema.Block) -> Any:
    return message("Schema")(version=0, block=_block(block))


def _block(block: schema.Block) -> Any:
    attributes = [
        message("Attribute")(
            name=name,
            type=json.dumps(found["type"]).encode(),
            **{flag: found[flag] for flag in ("required", "optional", "computed", "write_only")},
        )
        for name, found in sorted(block["attributes"].items())
    ]
    nested = [
        message("NestedBlock")(
            type_name=name,
            block=_block(found["block"]),
            nesting=_NESTING[found["nesting_mode"]],
            min_items=found["min_items"],
            max_items=found["max_items"],
        )
        for name, found in sorted(block["block_types"].items())
    ]
    return message("Block")(attributes=attributes, block_types=nested)


def _fill(value: Any, block: schema.Block, make: Callable[[str, Any, Any], Any]) -> Any:
    """Sets each computed attribute without a value, and clears write-only attributes."""
    if not isinstance(value, dict):
        return value
    for name, found in block["attributes"].items():
        if found["write_only"]:
            value[name] = None
        if found["computed"] and (value.get(name) is None or value.get(name) == _UNKNOWN):
            value[name] = make(name, found["type"], value)
    for name, found in block["block_types"].items():
        inner = value.get(name)
        if isinstance(inner, list):
            value[name] = [_fill(item, found["block"], make) for item in inner]
        else:
            value[name] = _fill(inner, found["block"], make)
    return value


def _deprecated(value: Any, block: schema.Block) -> Iterator[str]:
    """Yields the provider's message for each deprecated argument that has a value."""
    if not isinstance(value, dict):
        return
    for name, found in block["attributes"].items():
        if "deprecated" in found and value.get(name) is not None:
            yield found["deprecated"]
    for name, found in block["block_types"].items():
        inner = value.get(name)
        for item in inner if isinstance(inner, list) else [inner]:
            yield from _deprecated(item, found["block"])


class Provider:
    """Serves a set of types on the loopback interface until it is closed."""

    def __init__(self, types: set[str], name: str = "aws") -> None:
        self._address = ADDRESSES[name]
        self.answers: dict[tuple[str, str], Any] = {}
        """What AWS makes of an argument instead of what was asked, by type and argument."""
        self.changes: list[tuple[str, str]] = []
        """What was written or deleted, in order, with the type of the resource."""
        kinds = schema.load(types | {"provider"}, name)
        self._configuration = kinds.pop("provider")
        for attribute in self._configuration["attributes"].values():
            attribute.update(required=False, optional=True, computed=False)
        self._resources = {kind: block for kind, block in kinds.items() if "." not in kind}
        self._data = _of("data", kinds)
        self._ephemeral = _of("ephemeral", kinds)
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                handle, request_deserializer=message(request).FromString, response_serializer=_serialized
            )
            for name, (request, handle) in self._calls().items()
        }
        self._server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers),))
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self) -> None:
        """Stops the server."""
        self._server.stop(0)

    def reattach(self) -> dict[str, Any]:
        """Returns this provider's part of TF_REATTACH_PROVIDERS."""
        address = {"Network": "tcp", "String": f"127.0.0.1:{self._port}"}
        there = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": os.getpid(), "Test": True, "Addr": address}
        return {self._address: there}

    def _calls(self) -> dict[str, tuple[str, Callable[[Any, Any], Any]]]:
        empty = message("Empty")
        read = message("ReadResponse")
        return {
            "GetProviderSchema": ("Empty", lambda _request, _context: self._schemas()),
            "ValidateProviderConfig": ("Empty", lambda _request, _context: empty()),
            "ValidateResourceConfig": ("ValidateRequest", self._validate),
            "ValidateDataResourceConfig": ("ValidateRequest", lambda _request, _context: empty()),
            "ConfigureProvider": ("Empty", lambda _request, _context: empty()),
            "StopProvider": ("Empty", lambda _request, _context: empty()),
            "UpgradeResourceState": ("UpgradeRequest", self._upgrade),
            "ReadResource": ("ReadRequest", lambda request, _context: read(new_state=request.current_state)),
            "PlanResourceChange": ("PlanRequest", self._plan),
            "ApplyResourceChange": ("ApplyRequest", self._apply),
            "ReadDataSource": ("ReadDataRequest", self._read_data),
            "ValidateEphemeralResourceConfig": ("ValidateRequest", lambda _request, _context: empty()),
            "OpenEphemeralResource": ("OpenRequest", self._open),
            "CloseEphemeralResource": ("Empty", lambda _request, _context: empty()),
        }

    def _schemas(self) -> Any:
        return message("SchemaResponse")(
            provider=_schema(self._configuration),
            resource_schemas={kind: _schema(block) for kind, block in self._resources.items()},
            data_source_schemas={kind: _schema(block) for kind, block in self._data.items()},
            ephemeral_resource_schemas={kind: _schema(block) for kind, block in self._ephemeral.items()},
        )

    def _validate(self, request: Any, _context: Any) -> Any:
        messages = _deprecated(_read(request.config), self._resources[request.type_name])
        warnings = [
            message("Diagnostic")(severity=2, summary="Argument is deprecated", detail=detail) for detail in messages
        ]
        return message("ValidateResponse")(diagnostics=warnings)

    def _upgrade(self, request: Any, _context: Any) -> Any:
        state = message("DynamicValue")(json=request.raw_state.json)
        return message("UpgradeResponse")(upgraded_state=state)

    def _plan(self, request: Any, _context: Any) -> Any:
        proposed = _read(request.proposed_new_state)
        planned = _fill(proposed, self._resources[request.type_name], lambda _name, _kind, _value: _UNKNOWN)
        return message("PlanResponse")(planned_state=_write(planned), legacy_type_system=True)

    def _apply(self, request: Any, _context: Any) -> Any:
        kind = request.type_name
        planned = _read(request.planned_state)
        self.changes.append(("delete" if planned is None else "write", kind))
        state = _fill(planned, self._resources[kind], _maker(kind))
        for (type_name, name), answer in self.answers.items():
            if type_name == kind and state is not None:
                state[name] = answer
        return message("ApplyResponse")(new_state=_write(state), legacy_type_system=True)

    def _read_data(self, request: Any, _context: Any) -> Any:
        kind = request.type_name
        return message("ReadDataResponse")(state=_write(_fill(_read(request.config), self._data[kind], _maker(kind))))

    def _open(self, request: Any, _context: Any) -> Any:
        kind = request.type_name
        return message("OpenResponse")(result=_write(_fill(_read(request.config), self._ephemeral[kind], _maker(kind))))


def _of(word: str, kinds: dict[str, schema.Block]) -> dict[str, schema.Block]:
    """Returns the types of one sort, by their names without the prefix."""
    return {kind.removeprefix(f"{word}."): block for kind, block in kinds.items() if kind.startswith(f"{word}.")}


def _maker(kind: str) -> Callable[[str, Any, Any], Any]:
    def make(name: str, of: Any, value: Any) -> Any:
        pattern = _DERIVED.get((kind, name))
        if pattern is not None:
            given = {key: found for key, found in value.items() if isinstance(found, str)}
            given.setdefault("name", f"{given.get('name_prefix')}stub")
            return pattern.format(**{**given, "account": ACCOUNT, "region": REGION})
        if of == "string":
            # Not valid in a policy: parliament and the simulation reject it.
            return f"stub-{kind}-{name}"
        if isinstance(of, list):
            return {} if of[0] == "map" else []
        return {"number": 0, "bool": False}.get(of)

    return make


def _serialized(answer: Any) -> bytes:
    return bytes(answer.SerializeToString())
