"""Real data in the box: `load("molecules_md/ethanol")`, `describe(name)`, `available()`.

Three kinds of sets stand behind one door. Closed-form sets are made on the fly from a generator; shipped sets were
computed by real physics codes, with the recipes in `equitour.datasets.recipes`; public sets are fetched once from
their publishers and kept. Labels travel beside the graphs, with units.
"""

from equitour.datasets.catalogue import available, describe, load
from equitour.datasets.densities import density_2d
from equitour.datasets.record import Dataset, Sample

__all__ = ["Dataset", "Sample", "available", "density_2d", "describe", "load"]
