"""Sets made on the fly from a generator."""

CLOSED_FORM = {}
