"""Folders and files. The scripts write only below `.sandbox/`, which git ignores."""

from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
ROOT = SCRIPTS.parent
REQUIREMENTS = SCRIPTS / "requirements"
TEMPLATE = ROOT / "infra" / "templates" / "sqs_send_message.vtl"
FIXTURES = ROOT / "tests" / "fixtures" / "webhooks"
GITHUB_API = ROOT / "tests" / "fixtures" / "github_api.json"

SANDBOX = ROOT / ".sandbox"


def shown(path: Path) -> str:
    """Returns the path as a person in the project's folder would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
