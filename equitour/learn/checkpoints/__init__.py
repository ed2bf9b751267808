"""Weights that lessons bring along, so that nobody waits, and the scripts that made them."""
