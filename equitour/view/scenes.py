"""Structures as plain data: what stands where, which colour it has, what it carries. Drawing comes later."""

from typing import Any

import numpy as np

from equitour.view import glyphs
from equitour.view.bearing import flat_side
from equitour.view.bonds import find_bonds
from equitour.view.fields import read_fields
from equitour.view.frames import ATOM_LIMIT, Frame, read_frames
from equitour.view.style import element_colours


def scene(
    structure: Any,
    *,
    vectors: Any = None,
    tensors: Any = None,
    scalars: Any = None,
    images: tuple[int, int, int] = (1, 1, 1),
    bonds: Any = "auto",
    title: str = "",
    alt: str | None = None,
) -> dict:
    """A structure panel as a plain dict of numbers: atoms, bonds, cell, and what the atoms carry.

    Args:
        structure: A graph or ASE's atoms; a list of them, one per frame (their atoms may differ);
            positions (frames, atoms, 3) in Å; or a pair (structure, positions of every frame).
        vectors: Arrows per atom, (atoms, 3) or (frames, atoms, 3); `{"force (eV/Å)": array}` names them,
            several entries give several colours, `view.field` sets the scale.
        tensors: Per atom, (atoms, 3, 3) or (frames, atoms, 3, 3). Symmetric ones are ellipsoids; others are glyphs
            r(n) = |n·T·n|, with a ringed arrow a for the antisymmetric part, A v = a × v. Also (atoms, 3, 3, 3), as
            glyphs r(n) = |Σ T_ijk n_i n_j n_k|, which see the totally symmetric part. Blue where positive, orange with
            stripes where negative; a bar tells the scale. `view.field` chooses the shape and the scale.
        scalars: Colours per atom, (atoms) or (frames, atoms); both signs give blue and orange, one sign cividis.
        images: How many cells to show along a, b and c.
        bonds: `"auto"` by covalent radii, `"edges"` the edges of the graph, pairs (bonds, 2), or None.
        title: Stands above the panel.
        alt: Words for the picture; by default written from the structure.

    Raises:
        ValueError: For an empty structure, more atoms than a viewer can hold, coordinates that are not finite, a
            batch of graphs, images along an open direction, or fields of the wrong shape.
    """
    frames = read_frames(structure)
    counts = [len(frame.positions) for frame in frames]
    panel = {"kind": "structure", "title": title, "frames": len(frames), **_atoms(frames, counts)}
    panel |= {"images": _images(frames, images, max(counts)), **_cells(frames), **_bonds(frames, bonds)}
    places = frames[0].positions
    size = float(np.linalg.norm(places - places.mean(axis=0), axis=1).max())
    fields = {
        kind: read_fields(kind, given, counts, length)
        for kind, given, length in [
            ("vectors", vectors, size), ("tensors", tensors, _shortest_bond(panel, frames[0])), ("scalars", scalars, size)
        ]
    }  # fmt: skip
    if len(fields["tensors"]) > 1 or len(fields["scalars"]) > 1:
        raise ValueError(
            "a panel shows one set of tensors and one of scalars, received several: give each its own panel in view.linked"
        )
    panel |= {
        kind: [one | {"values": one["values"].astype(np.float32)} for one in given]
        for kind, given in fields.items()
    }
    panel |= _extent(panel)
    panel["look"] = flat_side(places) if fields["tensors"] and panel["cell"] is None else None
    panel["alt"] = alt or _words(panel, frames)
    return panel


def _atoms(frames: list[Frame], counts: list[int]) -> dict:
    numbers = np.concatenate([frame.numbers for frame in frames])
    return {
        "offsets": np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        "positions": np.concatenate([frame.positions for frame in frames]).astype(np.float32),
        "numbers": numbers.astype(np.int32),
        "elements": _elements(np.unique(numbers)),
    }


def _elements(numbers: np.ndarray) -> dict:
    from ase.data import chemical_symbols, covalent_radii

    known = np.minimum(numbers, len(covalent_radii) - 1)
    colours = element_colours(known)
    return {
        str(int(number)): {
            "symbol": chemical_symbols[index],
            "colour": [round(float(value), 3) for value in colour] if number else [0.55, 0.6, 0.66],
            "radius": round(0.16 + 0.32 * float(covalent_radii[index]), 3),
        }
        for number, index, colour in zip(numbers, known, colours, strict=True)
    }


def _cells(frames: list[Frame]) -> dict:
    if any(frame.cell is None for frame in frames):
        return {"cell": None, "pbc": [False, False, False]}
    cells = np.stack([frame.cell for frame in frames])
    fixed = np.allclose(cells, cells[:1], rtol=0, atol=1e-9)
    return {"cell": (cells[:1] if fixed else cells).astype(np.float32), "pbc": list(frames[0].pbc)}


def _bonds(frames: list[Frame], rule: Any) -> dict:
    found = [find_bonds(frame, rule) for frame in frames]
    same = all(
        np.array_equal(pairs, found[0][0]) and np.array_equal(shifts, found[0][1]) for pairs, shifts in found
    )
    found = found[:1] if same else found
    return {
        "bonds": np.concatenate([np.concatenate([pairs, shifts], axis=1) for pairs, shifts in found]).astype(
            np.int32
        ),
        "bond_offsets": np.concatenate([[0], np.cumsum([len(pairs) for pairs, _ in found])]).astype(np.int32),
    }


def _shortest_bond(panel: dict, frame: Frame) -> float:
    """Of the first frame, in Å; without bonds the length of an ordinary one."""
    first = panel["bonds"][: panel["bond_offsets"][1]]
    if not len(first):
        return 1.6
    cell = np.zeros((3, 3)) if frame.cell is None else frame.cell
    ways = frame.positions[first[:, 1]] - frame.positions[first[:, 0]] + first[:, 2:] @ cell
    return float(np.linalg.norm(ways, axis=1).min())


def _images(frames: list[Frame], images: Any, atoms: int) -> list[int]:
    images = [int(count) for count in images]
    if len(images) != 3 or min(images) < 1:
        raise ValueError(
            f"images must be three counts of at least 1, received {tuple(images)}: (2, 2, 1) shows two cells along a and b"
        )
    if any(count > 1 and not periodic for count, periodic in zip(images, frames[0].pbc, strict=True)):
        raise ValueError(
            f"images repeat the cell along periodic directions only, received {tuple(images)} for pbc {frames[0].pbc}: "
            "set pbc and a cell, or keep 1 along the open directions"
        )
    if atoms * int(np.prod(images)) > ATOM_LIMIT:
        raise ValueError(
            f"a viewer draws at most {ATOM_LIMIT:,} atoms, received {atoms:,} in {int(np.prod(images)):,} images: show fewer images"
        )
    return images


def _extent(panel: dict) -> dict:
    """The sphere around everything that is drawn in any frame, so that nothing leaves the picture while it turns."""
    atoms = panel["positions"].astype(np.float64)
    arrows = [atoms + one["scale"] * one["values"] for one in panel["vectors"]]
    arrows += [
        atoms + one["axial_scale"] * one["axial"] for one in panel["tensors"] if one["axial"] is not None
    ]
    points = np.concatenate([_repeated(panel, atoms), *arrows])
    centre = _middle(points)
    numbers, which = np.unique(panel["numbers"], return_inverse=True)
    radii = np.array([panel["elements"][str(int(number))]["radius"] for number in numbers])[which]
    shells = max((one["reach"] for one in panel["tensors"]), default=0.0)
    distance = max(
        float(np.linalg.norm(points - centre, axis=1).max()),
        float((np.linalg.norm(atoms - centre, axis=1) + np.maximum(radii, shells)).max()),
    )
    return {"centre": centre.round(5).tolist(), "extent": round(1.02 * distance, 4)}


def _middle(points: np.ndarray) -> np.ndarray:
    """Nearly the centre of the smallest ball around the points: ever shorter steps towards the farthest one.

    M. Bădoiu and K. L. Clarkson, Smaller core-sets for balls, SODA 2003.
    """
    centre = box = (points.min(axis=0) + points.max(axis=0)) / 2
    for step in range(2, 60):
        away = np.linalg.norm(points - centre, axis=1)
        centre = centre + (points[away.argmax()] - centre) / step
    reach = {k: np.linalg.norm(points - c, axis=1).max() for k, c in enumerate((box, centre))}
    return centre if reach[1] < 0.995 * reach[0] else box


def _repeated(panel: dict, atoms: np.ndarray) -> np.ndarray:
    """The atoms of the first and the last image and the corners of the box around all images."""
    if panel["cell"] is None:
        return atoms
    cells, images = panel["cell"].astype(np.float64), np.array(panel["images"], dtype=np.float64)
    corners = np.stack(np.meshgrid(*[(0.0, count) for count in images], indexing="ij"), axis=-1).reshape(
        -1, 3
    )
    boxes = np.einsum("kc,fcx->fkx", corners, cells).reshape(-1, 3)
    last = np.einsum("c,fcx->fx", images - 1, cells)
    frame = np.repeat(np.arange(len(panel["offsets"]) - 1), np.diff(panel["offsets"]))
    return np.concatenate([boxes, atoms, atoms + last[frame if len(last) > 1 else 0 * frame]])


def _words(panel: dict, frames: list[Frame]) -> str:
    from ase.formula import Formula

    first = frames[0]
    if first.numbers.any():
        symbols = [panel["elements"][str(int(number))]["symbol"] for number in first.numbers]
        formula = Formula.from_list(symbols).format("hill" if first.cell is None else "metal")
        words = f"{formula}: {len(first.numbers)} atoms"
    else:
        words = f"{len(first.numbers)} points"
    if first.cell is not None:
        words += (
            " in a cell with edges of "
            + ", ".join(f"{length:.2f}" for length in np.linalg.norm(first.cell, axis=1))
            + " Å"
        )
    for kind, drawn in [("vectors", "arrows"), ("scalars", "colours")]:
        for one in panel[kind]:
            words += f"; {drawn}: {one['name']}"
    for one in panel["tensors"]:
        words += f"; {glyphs.describe(one)}"
    return words + "."
