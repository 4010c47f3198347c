"""What scripts/sandbox and scripts/demo share: a small AWS on this machine, and GitHub's side of a webhook."""
