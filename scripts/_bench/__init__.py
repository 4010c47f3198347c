"""Code behind scripts/bench."""
