"""Benchmarks against the peers, each a command: `potentials`, `egnn`; `environments` installs the peers."""
