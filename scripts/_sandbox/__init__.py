"""A small AWS on this machine and the sender of webhooks, for scripts/sandbox, demo and footprint."""
