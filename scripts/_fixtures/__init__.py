"""Cuts what the tests need from public specifications, which are too large for the repository."""
