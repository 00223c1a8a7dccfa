"""Tiny checkpoints of random weights, one module a family."""
