"""Folders and files of the checks of infra/. They write only below `.sandbox/infra/`."""

from _common.paths import ROOT, SANDBOX

INFRA = ROOT / "infra"
PERMISSIONS = INFRA / "permissions.toml"
ADAPTERS = ROOT / "src" / "aws"

TOOLS = SANDBOX / "infra"
NPM = TOOLS / "npm"
NODE = NPM / "node_modules"
BINDINGS = NPM / "bindings.tgz"
GITHUB_BINDINGS = NPM / "github-bindings.tgz"
SCHEMAS = NPM / "schemas"
DEPRECATIONS = TOOLS / "deprecations"
WORK = TOOLS / "work"
