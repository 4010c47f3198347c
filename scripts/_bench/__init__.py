"""scripts/bench: compares branchline with two floors and a peer. See docs/BENCHMARKS.md."""
