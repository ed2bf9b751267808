"""The type checker that jaxtyping enforces under pytest: beartype, for which an int is a float too."""

from beartype import BeartypeConf, beartype

typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
