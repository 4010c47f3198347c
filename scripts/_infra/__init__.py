"""Checks of `infra/` that need no AWS account and no provider registry. Entry point: scripts/infra-check."""
