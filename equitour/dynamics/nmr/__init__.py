"""Shielding tensors as a spectrometer sees them: conventions, powder patterns, spinning sidebands.

Plain tensors come in (a calculation's or a model's, it does not matter which) and spectra come out. Only the shielding is
here. Quadrupolar coupling, which rules the real spectra of sodium-23 and oxygen-17, and couplings between spins are not.
"""

from equitour.dynamics.nmr.lines import MAGIC_ANGLE, Sidebands, spinning_line, spinning_sidebands, static_line
from equitour.dynamics.nmr.shielding import (
    Haeberlen,
    SpanSkew,
    chemical_shift,
    haeberlen,
    principal_values,
    second_moment,
    span_and_skew,
)

__all__ = [
    "MAGIC_ANGLE",
    "Haeberlen",
    "Sidebands",
    "SpanSkew",
    "chemical_shift",
    "haeberlen",
    "principal_values",
    "second_moment",
    "span_and_skew",
    "spinning_line",
    "spinning_sidebands",
    "static_line",
]
