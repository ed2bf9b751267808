"""How the shipped sets were made: one script a set, run by ``equitour data make NAME``."""
