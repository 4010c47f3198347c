"""scripts/bench: compares branchline with a floor and a peer. See docs/BENCHMARKS.md."""
