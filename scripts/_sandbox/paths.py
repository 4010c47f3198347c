"""Where things are. Everything that the scripts write is under `.sandbox/`, which git ignores."""

from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
ROOT = SCRIPTS.parent
REQUIREMENTS = SCRIPTS / "requirements.txt"
TEMPLATE = ROOT / "infra" / "templates" / "sqs_send_message.vtl"
FIXTURES = ROOT / "tests" / "fixtures" / "webhooks"

SANDBOX = ROOT / ".sandbox"
VENV = SANDBOX / "venv"
DEMO = SANDBOX / "demo"


def shown(path: Path) -> str:
    """The path as a person in the project's folder would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
