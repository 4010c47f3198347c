"""A small AWS on this machine and a sender of webhooks."""
