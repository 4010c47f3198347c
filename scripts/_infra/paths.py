"""Where things are. What is installed and made is under `.sandbox/infra/`, which git ignores."""

from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
ROOT = SCRIPTS.parent
INFRA = ROOT / "infra"
PERMISSIONS = INFRA / "permissions.toml"
ADAPTERS = ROOT / "src" / "aws"

TOOLS = ROOT / ".sandbox" / "infra"
NODE = TOOLS / "node" / "node_modules"
BINDINGS = TOOLS / "bindings.tgz"
SCHEMAS = TOOLS / "schemas"
WORK = TOOLS / "work"
VELOCITY = TOOLS / "velocity"
