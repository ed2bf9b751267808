"""Real data in the box: `load("molecules_md/ethanol")`, `describe(name)`, `available()`."""

from equitour.datasets.catalogue import load
from equitour.datasets.record import Dataset, Sample

__all__ = ["Dataset", "Sample", "load"]
