"""Makes the scripts' packages importable, and parses the form of the mapping template."""

import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from _sandbox.request_rules import sqs
from _sandbox.request_rules.refusal import Refusal


@dataclass(frozen=True)
class Form:
    """The SendMessage call of a rendered template."""

    fields: dict[str, str]
    attributes: dict[str, str]

    @property
    def body(self) -> bytes:
        """Returns the body of the message in SQS."""
        return self.fields["MessageBody"].encode()

    @property
    def refusal(self) -> str | None:
        """Returns why SQS would refuse the message, or None."""
        attributes = {
            name: {"DataType": "String", "StringValue": value}
            for name, value in self.attributes.items()
        }
        try:
            sqs.check("SendMessage", {**self.fields, "MessageAttributes": attributes})
        except Refusal as refusal:
            return refusal.message
        return None


def read_form(text: str) -> Form:
    """Parses a form. A repeated field, a stray line end or an empty part is an error."""
    pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise AssertionError(f"a field appears twice in {text[:300]}")
    attributes = {}
    for number in range(1, 11):
        start = f"MessageAttribute.{number}."
        if start + "Name" in fields:
            if fields[start + "Value.DataType"] != "String":
                raise AssertionError(f"attribute {number} is not a String")
            attributes[fields[start + "Name"]] = fields[start + "Value.StringValue"]
    return Form(fields, attributes)
