"""What all scripts share: how a script starts, what is installed for it, and how it reports."""
