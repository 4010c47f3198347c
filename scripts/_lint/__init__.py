"""The project's own linters, which `scripts/test` runs: line width of prose, and banned words."""
