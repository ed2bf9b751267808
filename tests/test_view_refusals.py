"""Every refusal of the view is one sentence: what must hold, what came, how to go on."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from equitour import view
from equitour.graph import AtomicGraph, batch


def _nan(atoms):
    atoms.positions[2, 1] = np.nan
    return atoms


_REFUSALS = {
    "no atoms": (lambda: view.scene(Atoms()), "at least one atom, received none in frame 0"),
    "too many atoms": (
        lambda: view.scene(np.zeros((1, 200_000, 3))),
        "at most 20,000 atoms, received 200,000: cut out a region",
    ),
    "too many frames": (
        lambda: view.scene(np.zeros((3000, 1000, 3))),
        "at most 6,000,000 coordinates, received 9,000,000",
    ),
    "too many images": (
        lambda: view.scene(bulk("Cu"), images=(30, 30, 30)),
        "at most 20,000 atoms, received 1 in 27,000 images",
    ),
    "not finite": (
        lambda: view.scene(_nan(molecule("H2O"))),
        "positions must be finite, received .*nan.* for atom 2 of frame 0",
    ),
    "wrong positions": (
        lambda: view.scene(np.zeros((5, 2))),
        r"shape \(frames, atoms, 3\), received \(1, 5, 2\)",
    ),
    "wrong path": (
        lambda: view.scene((molecule("H2O"), np.zeros((4, 2, 3)))),
        r"\(frames, 3, 3\) for this structure, received \(4, 2, 3\)",
    ),
    "wrong vectors": (
        lambda: view.scene(molecule("H2O"), vectors=np.zeros((2, 3))),
        r"vectors 'vector' must have the shape \(3, 3\) or \(1, 3, 3\), received \(2, 3\)",
    ),
    "wrong tensors": (
        lambda: view.scene(molecule("H2O"), tensors={"NMR": np.zeros((3, 6))}),
        r"tensors 'NMR' must .* CartesianTensor",
    ),
    "wrong scalars": (
        lambda: view.scene([molecule("H2O"), molecule("CH4")], scalars=np.zeros((2, 4))),
        "one list entry per frame",
    ),
    "vectors not finite": (
        lambda: view.scene(molecule("H2O"), vectors=np.full((3, 3), np.inf)),
        "must be finite, received 9 values",
    ),
    "open images": (lambda: view.scene(molecule("H2O"), images=(2, 1, 1)), "along periodic directions only"),
    "no images": (lambda: view.scene(bulk("Cu"), images=(0, 1, 1)), "three counts of at least 1, received"),
    "unknown bonds": (
        lambda: view.scene(molecule("H2O"), bonds="all"),
        "'auto', 'edges', None or pairs .* received 'all'",
    ),
    "edges of nothing": (lambda: view.scene(molecule("H2O"), bonds="edges"), "received atoms without edges"),
    "two tensors": (
        lambda: view.scene(molecule("H2O"), tensors={"a": np.zeros((3, 3, 3)), "b": np.zeros((3, 3, 3))}),
        "its own panel",
    ),
    "no panel": (lambda: view.linked([]), "at least one panel"),
    "labels": (
        lambda: view.linked([view.bars(np.zeros((3, 2)), title="B")], labels=["1", "2"]),
        "received 3 frames in 'B' and 2 labels",
    ),
    "index": (lambda: view.linked([view.bars([1.0])], index=4), "between 0 and 0, received 4"),
    "harmonics": (lambda: view.harmonics(np.zeros((2, 7))), r"must number \(lmax \+ 1\)\^2 .* received 7"),
    "one degree": (lambda: view.harmonics(np.zeros((2, 7)), l=2), "l = 2 has 5 components, received 7"),
    "normalization": (lambda: view.harmonics(np.zeros((2, 4)), normalization="none"), "must be one of"),
    "matrix": (lambda: view.matrix(np.zeros(4)), "matrix values must have the shape"),
    "big matrix": (lambda: view.matrix(np.zeros((200, 200))), "at most 10,000 cells, received 200 x 200"),
    "rows": (
        lambda: view.matrix(np.zeros((2, 2)), rows=["a"]),
        "rows must name each of the 2 entries, received 1",
    ),
    "bars": (lambda: view.bars([np.nan]), "bar values must be finite"),
    "curve": (lambda: view.curve([1, 2, 3], [1, 2]), r"as many points as x, 3, received \(1, 2\)"),
    "points": (lambda: view.points2d(np.zeros((4, 3))), "two coordinates, received 3: use view.scene"),
    "no words": (lambda: view.picture(view.axes()[0], alt=" "), "received an empty alt"),
}


@pytest.mark.parametrize("case", _REFUSALS)
def test_every_refusal_is_one_clear_sentence(case):
    call, words = _REFUSALS[case]
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_batch_of_graphs_is_not_one_structure():
    graphs = batch([AtomicGraph.from_ase(molecule("H2O"), cutoff=2.0)] * 2)
    with pytest.raises(ValueError, match=r"received a batch of 2 graphs: pass graph.split\(\)"):
        view.scene(graphs)
