"""Defines the messages of Terraform's plugin protocol 6 that the stub uses: field, number, type.

Protobuf skips unknown fields, so only the fields that are read or written are listed here.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_SCALARS = {"string": 9, "bytes": 12, "bool": 8, "int32": 5, "int64": 3}
_PACKAGE = "tfplugin6"

# A type in brackets is repeated; "map X" is a map from string to X.
_MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "Empty": [],
    "DynamicValue": [("msgpack", 1, "bytes"), ("json", 2, "bytes")],
    "RawState": [("json", 1, "bytes")],
    "Attribute": [
        ("name", 1, "string"),
        ("type", 2, "bytes"),
        ("required", 4, "bool"),
        ("optional", 5, "bool"),
        ("computed", 6, "bool"),
        ("write_only", 11, "bool"),
    ],
    "NestedBlock": [
        ("type_name", 1, "string"),
        ("block", 2, "Block"),
        ("nesting", 3, "int32"),
        ("min_items", 4, "int64"),
        ("max_items", 5, "int64"),
    ],
    "Block": [("version", 1, "int64"), ("attributes", 2, "[Attribute]"), ("block_types", 3, "[NestedBlock]")],
    "Schema": [("version", 1, "int64"), ("block", 2, "Block")],
    "SchemaResponse": [
        ("provider", 1, "Schema"),
        ("resource_schemas", 2, "map Schema"),
        ("data_source_schemas", 3, "map Schema"),
        ("ephemeral_resource_schemas", 8, "map Schema"),
    ],
    "Diagnostic": [("severity", 1, "int32"), ("summary", 2, "string"), ("detail", 3, "string")],
    "ValidateResponse": [("diagnostics", 1, "[Diagnostic]")],
    "ValidateRequest": [("type_name", 1, "string"), ("config", 2, "DynamicValue")],
    "UpgradeRequest": [("type_name", 1, "string"), ("raw_state", 3, "RawState")],
    "UpgradeResponse": [("upgraded_state", 1, "DynamicValue")],
    "ReadRequest": [("type_name", 1, "string"), ("current_state", 2, "DynamicValue")],
    "ReadResponse": [("new_state", 1, "DynamicValue")],
    "PlanRequest": [("type_name", 1, "string"), ("proposed_new_state", 3, "DynamicValue")],
    "PlanResponse": [("planned_state", 1, "DynamicValue"), ("legacy_type_system", 5, "bool")],
    "ApplyRequest": [("type_name", 1, "string"), ("planned_state", 3, "DynamicValue")],
    "ApplyResponse": [("new_state", 1, "DynamicValue"), ("legacy_type_system", 4, "bool")],
    "ReadDataRequest": [("type_name", 1, "string"), ("config", 2, "DynamicValue")],
    "ReadDataResponse": [("state", 1, "DynamicValue")],
    "OpenRequest": [("type_name", 1, "string"), ("config", 2, "DynamicValue")],
    "OpenResponse": [("result", 3, "DynamicValue")],
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="stub.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            _field(message, field, number, kind)
    return file


def _field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str) -> None:
    field = message.field.add(name=name, number=number, label=1)
    if kind.startswith("map "):
        entry = "".join(part.title() for part in name.split("_")) + "Entry"
        pair = message.nested_type.add(name=entry)
        pair.options.map_entry = True
        _field(pair, "key", 1, "string")
        _field(pair, "value", 2, kind.removeprefix("map "))
        field.label, field.type, field.type_name = 3, 11, f".{_PACKAGE}.{message.name}.{entry}"
        return
    if kind.startswith("["):
        field.label, kind = 3, kind.strip("[]")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = 11, f".{_PACKAGE}.{kind}"


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())
_classes = {name: message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES}


def message(name: str) -> Any:
    """Returns the class of a message."""
    return _classes[name]
