"""Unit factors of vibrational spectra, each derived from ASE's constants of nature where it stands."""

from math import pi, sqrt

from ase import units

# ω² comes in eV/(Å² u); its root is 2π c ν̃. One √(eV/(Å² u)) is 521.47 cm⁻¹.
WAVENUMBER = sqrt(units._e / units._amu) * 1e10 / (2 * pi * units._c) / 100
TERAHERTZ = units._c * 100 * 1e-12  # of 1 cm⁻¹
# The light of 1 cm⁻¹ turns this many times in 1 fs.
TURNS_PER_FS = units._c * 100 * 1e-15
KELVIN = units._hplanck * units._c * 100 / units._k  # hc/k of 1 cm⁻¹
DEBYE = units.Debye  # in e·Å
# e²/ε₀ in eV·Å: the force between charges, without the 4π.
CHARGE_SQUARED = units._e / units._eps0 * 1e10
# (dμ/dQ)² in e²/u to the absorption of one mole, N_A (dμ/dQ)² / (12 ε₀ c²), in km/mol.
KM_PER_MOL = units._Nav * units._e**2 / units._amu / (12 * units._eps0 * units._c**2) / 1000
# h/(8π² c ν̃) · (2π)⁴/45 · ν̃⁴ · activity, in cm⁻¹ and Å⁴/u, to 10⁻³⁰ cm²/sr.
CROSS_SECTION = (
    (2 * pi) ** 4 / 45 * units._hplanck / (8 * pi**2 * units._c) * 100**3 * 1e-40 / units._amu * 1e34
)
