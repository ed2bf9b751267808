"""Atoms that swing along normal modes: one structure at rest, one set of displacements per mode."""

from typing import Any

import numpy as np

from equitour.view.bearing import flat_side
from equitour.view.fields import DISPLACEMENT_COLOUR
from equitour.view.frames import NUMBER_LIMIT, to_array
from equitour.view.scenes import scene


def motion(
    structure: Any,
    displacements: Any,
    *,
    amplitude: float = 0.3,
    title: str = "",
    alt: str | None = None,
) -> dict:
    """A structure panel whose atoms swing along the chosen mode: x(t) = x + A u sin(2π t / 1.2 s), one mode per frame.

    At rest the displacements stand as arrows. Every mode is scaled so that its most mobile atom moves by `amplitude`,
    and all modes swing at one pace. Where the reader prefers little motion the arrows stay and nothing moves by itself.

    Args:
        structure: A graph, ASE's atoms, or a panel from `scene` with one frame (its images, tensors and title stay).
        displacements: (modes, atoms, 3), Cartesian, of any length; (atoms, 3) for a single mode. Displacements, not
            mass-weighted eigenvectors: divide those by the square root of the masses.
        amplitude: Å by which the most mobile atom leaves its place.
        title: Stands above the panel.
        alt: Words for the picture.

    Raises:
        ValueError: For displacements that do not match the structure, are not finite or move nothing, an amplitude
            that is not positive, or a panel with more than one frame.
    """
    panel = structure if isinstance(structure, dict) else scene(structure)
    if panel.get("kind") != "structure" or panel["frames"] != 1:
        raise ValueError(
            f"motion needs one structure at rest, received a {panel.get('kind')} panel of {panel.get('frames')} frames: "
            "pass a graph or view.scene of one graph"
        )
    if not amplitude > 0:
        raise ValueError(
            f"amplitude must be positive, received {amplitude}: it is the longest way of an atom in Å"
        )
    values = _unit(to_array(displacements), len(panel["positions"]))
    panel = panel | {"kind": "motion", "title": title or panel["title"], "frames": len(values)}
    panel["motion"] = values.astype(np.float32)
    panel |= {"amplitude": amplitude, "arrow": _arrow(panel), "motion_colour": DISPLACEMENT_COLOUR}
    places = panel["positions"] + max(panel["arrow"], amplitude) * values
    panel["look"] = flat_side(panel["positions"].astype(np.float64)) if panel["cell"] is None else None
    reach = float(np.linalg.norm(places - panel["centre"], axis=-1).max())
    panel["extent"] = max(panel["extent"], round(1.02 * reach, 4))
    moves = "it swings along the chosen mode; at rest arrows show the displacements"
    return panel | {"alt": alt or f"{panel['alt'].removesuffix('.')}; {moves}."}


def _unit(values: np.ndarray, atoms: int) -> np.ndarray:
    """Displacements whose longest atom has length 1 in every mode."""
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1:] != (atoms, 3) or len(values) == 0:
        raise ValueError(
            f"displacements must have the shape (modes, {atoms}, 3), received {values.shape}: "
            "give every atom three components in every mode"
        )
    if values.size > NUMBER_LIMIT:
        raise ValueError(
            f"a panel holds at most {NUMBER_LIMIT:,} numbers, received {values.size:,}: show the active modes only"
        )
    longest = np.linalg.norm(values, axis=-1).max(axis=-1)
    if not np.isfinite(values).all() or not longest.min() > 0:
        bad = int(np.flatnonzero(~np.isfinite(longest) | ~(longest > 0))[0])
        raise ValueError(
            f"every mode must be finite and move an atom, received mode {bad} that does not: leave it out"
        )
    return values / longest[:, None, None]


def _arrow(panel: dict) -> float:
    places = panel["positions"]
    size = float(np.linalg.norm(places - places.mean(axis=0), axis=1).max())
    return round(min(max(0.7 * size, 0.9), 1.5), 4)
