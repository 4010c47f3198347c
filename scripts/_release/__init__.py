"""scripts/release: what a release contains, checked before anything is published.

agreement.py compares the tag with the files, archive.py unpacks and runs a tarball, crate.py reads
what the registry gets, and main.py has the commands. The workflow calls them through scripts/ci.
"""
