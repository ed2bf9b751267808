"""The workbench that all recipes share: what is missing is made, what is made is kept, a kill loses one item."""

import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import numpy as np
from tqdm.auto import tqdm

from equitour.datasets.shelf import SHIPPED, Item, file_name, pack, read_arrays, read_manifest, unpack, write_set


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
    return unpack(arrays), {k.removeprefix("shared."): a for k, a in arrays.items() if k.startswith("shared.")}


def cpu_seconds() -> float:
    """Processor time of this process and of the codes that it has called and that have ended."""
    return sum(os.times()[:4])


def make_missing(
    name: str,
    keys: Sequence[str],
    compute: Callable[[str], Item | None],
    *,
    card: Mapping,
    folder: Path = SHIPPED,
    shared: Mapping[str, np.ndarray] | None = None,
    finished: Callable[[Item], bool] = lambda item: True,
    every: float = 20.0,
    minutes: float | None = None,
) -> list[Item]:
    """Compute the items whose keys the shelf lacks and keep each as it comes.

    The shipped file is the only state, so this can be killed and started again at any moment: the file is
    written anew at most every ``every`` seconds and at the end, always in the order of ``keys``, which makes an
    interrupted run end with the same file as an uninterrupted one. ``compute`` returns None for an item that
    cannot be made (an unstable crystal, say); its key is then remembered in the card under ``refused``. An item
    that stands but is not ``finished`` is computed again, for recipes that label in two steps. After ``minutes``
    no further item is begun.
    """
    old_card = read_manifest(folder).get(name, {})
    done = {item.key: item for item in standing(name, folder)[0]}
    unfinished = {key for key, item in done.items() if not finished(item)}
    refused = list(old_card.get("refused", []))
    spent = float(old_card.get("cpu_hours", 0.0))
    missing = [key for key in keys if (key not in done or key in unfinished) and key not in refused]
    clock, begun = cpu_seconds(), time.monotonic()
    last = begun

    def keep() -> None:
        if not done:
            return
        order = [done[key] for key in keys if key in done]
        hours = round(spent + (cpu_seconds() - clock) / 3600, 4)
        extra = {"cpu_hours": hours} | ({"refused": sorted(refused)} if refused else {})
        write_set(name, pack(order, shared), dict(card) | extra, folder)

    try:
        for key in tqdm(missing, desc=name, unit="item"):
            if minutes is not None and time.monotonic() - begun > 60 * minutes:
                break
            item = compute(key)
            if item is None:
                refused.append(key)
            else:
                done[key] = item
            if time.monotonic() - last > every:
                keep()
                last = time.monotonic()
    finally:
        if missing:
            keep()
    return [done[key] for key in keys if key in done]


def numbered(prefix: str, count: int) -> list[str]:
    """Keys in a fixed order: ``prefix-0000``, ``prefix-0001`` ..."""
    return [f"{prefix}-{i:04d}" for i in range(count)]


def seed_of(key: str, seed: int) -> np.random.Generator:
    """A generator that belongs to one item, so that items can be made in any order, or alone."""
    return np.random.default_rng([seed, *key.encode()])


def rounded(values: Iterable, digits: int) -> np.ndarray:
    """Values rounded to what they mean: the file then compresses well and reads honestly."""
    return np.round(np.asarray(values, dtype=np.float64), digits)
