"""Checks of `infra/` without an AWS account or a provider registry, run by scripts/infra-check."""
