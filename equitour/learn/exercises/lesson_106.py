"""Exercises of lesson 106: how good a score can be, energies per species, forces and tensors in fair units."""

import torch
from torch import Tensor

from equitour.learn import exercise, question


def _halves(generator: torch.Generator) -> Tensor:
    """Two noisy means of the same truth, (atoms, 2)."""
    truth, noise = torch.randn(400, 1, generator=generator), torch.randn(400, 2, generator=generator)
    size = 0.3 + 0.7 * torch.rand(1, generator=generator)
    halves = (truth + size * noise).double()
    # Of one mean and spread, as for endlessly many atoms: who estimates T and N then finds what r gives.
    return 2 + 0.7 * (halves - halves.mean(0)) / halves.std(0)


@exercise(
    "106.ceiling",
    inputs=_halves,
    tolerance=2e-3,  # A sum divided by 400 or by 399.
    hints=(
        "Two halves share the truth and nothing else, so their correlation r tells how much of a half is truth.",
        "Variances: a half is truth T plus noise N, r = T / (T + N). The mean of both has noise N / 2.",
        "The share of truth in the mean of both is T / (T + N/2) = 2r / (1 + r).",
        "A perfect model is the truth itself; its correlation with what was measured is the root of that share.",
        "Write `r = torch.corrcoef(halves.T)[0, 1]`, then `(2 * r / (1 + r)).sqrt()`.",
    ),
    mistakes={
        "This is how well one half predicts the other. The labels are the mean of both, which is less noisy, and the "
        "model is not noisy at all.": lambda halves: torch.corrcoef(halves.T)[0, 1],
        "This is the share of truth in the variance of the labels. A correlation is the root of a share of variance.": (
            lambda halves: 2 / (1 + 1 / torch.corrcoef(halves.T)[0, 1])
        ),
        "This is the ceiling for one half as label: the mean of both carries half its noise.": (
            lambda halves: torch.corrcoef(halves.T)[0, 1].sqrt()
        ),
    },
)
def ceiling(halves):
    """The correlation that a perfect model would reach with the mean of two noisy halves."""
    r = torch.corrcoef(halves.T)[0, 1]
    return (2 * r / (1 + r)).sqrt()


def _counts_and_energies(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    counts = torch.randint(0, 9, (60, 4), generator=generator).double()
    species = -10 * torch.rand(4, generator=generator).double() * torch.tensor([1.0, 50, 70, 100])
    return counts, counts @ species + 0.3 * torch.randn(60, generator=generator).double()


@exercise(
    "106.species_energies",
    inputs=_counts_and_energies,
    axes=("species",),
    hints=(
        "We want one number a species such that `counts @ numbers` is as near to the energies as it can be.",
        "That is a linear least-squares problem with the matrix `counts`.",
        "`torch.linalg.lstsq(A, b)` wants b as a column and gives a column.",
        "Write `torch.linalg.lstsq(counts, energies[:, None]).solution[:, 0]`.",
    ),
    mistakes={
        "A constant was fitted beside the species: it belongs to no atom, so two molecules far apart would have it "
        "once instead of twice.": lambda counts, energies: torch.linalg.lstsq(
            torch.cat([counts, torch.ones_like(counts[:, :1])], 1), energies[:, None]
        ).solution[:-1, 0],
        "This is one mean energy an atom, whatever the atom: carbon and hydrogen differ by a thousand eV.": (
            lambda counts, energies: (energies / counts.sum(1)).mean().expand(counts.shape[1])
        ),
    },
)
def species_energies(counts, energies):
    """The energy of each species that explains most of the total energies, by least squares."""
    return torch.linalg.lstsq(counts, energies[:, None]).solution[:, 0]


def _forces(generator: torch.Generator) -> Tensor:
    spread = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    return spread * torch.randn(40, 3, generator=generator, dtype=torch.float64) + 0.3


@exercise(
    "106.standard_forces",
    inputs=_forces,
    axes=("atoms", "xyz"),
    hints=(
        "Which vector may be subtracted from all forces, so that the answer still turns with the molecule?",
        "Only the zero vector stays the same when everything turns. And x, y, z must share one number to divide by.",
        "Let the mean square over all components become 1.",
        "Write `forces / forces.square().mean().sqrt()`.",
    ),
    mistakes={
        "You subtracted the mean force. It is a direction in the lab: turn the molecules, and it stays behind.": (
            lambda forces: (forces - forces.mean(0)) / (forces - forces.mean(0)).square().mean().sqrt()
        ),
        "Each axis got a mean and a spread of its own: this is what a table of unrelated columns would want.": (
            lambda forces: (forces - forces.mean(0)) / forces.std(0)
        ),
        "Each axis is divided by a number of its own: a turned force would be squeezed differently.": (
            lambda forces: forces / forces.square().mean(0).sqrt()
        ),
        "Equivariant, but now the mean square *length* is 1 and a component has 1/3: take the mean over components.": (
            lambda forces: forces / forces.square().sum(1).mean().sqrt()
        ),
        "`std` first subtracts the mean of all components, which changes when you turn: take the root of the mean square.": (
            lambda forces: forces / forces.std()
        ),
        "Every force has length 1 now: small and large forces look alike, and that cannot be undone.": (
            lambda forces: forces / forces.norm(dim=1, keepdim=True)
        ),
    },
)
def standard_forces(forces):
    """Forces in units of the root mean square of all their components."""
    return forces / forces.square().mean().sqrt()


def _tensors(generator: torch.Generator) -> Tensor:
    eye = torch.eye(3, dtype=torch.float64)
    return 1.5 * eye + torch.randn(30, 3, 3, generator=generator, dtype=torch.float64)


@exercise(
    "106.standard_tensors",
    inputs=_tensors,
    tolerance=1e-6,  # torch.eye(3) is in single precision.
    axes=("atoms", "xyz", "xyz"),
    hints=(
        "Which tensors stay the same when everything turns? There is one, and its multiples.",
        "The unit tensor. So subtract the mean of a third of the trace, times the unit tensor.",
        "What is left is divided by one number, the root mean square of its components.",
        "Write `rest = T - T.diagonal(dim1=1, dim2=2).mean() * torch.eye(3, dtype=T.dtype)`, then "
        "`rest / rest.square().mean().sqrt()`.",
    ),
    mistakes={
        "You subtracted the whole mean tensor. Only its multiple of 1 stays when the crystal turns; the rest is a "
        "direction in the lab.": lambda T: (T - T.mean(0)) / (T - T.mean(0)).square().mean().sqrt(),
        "Each of the nine columns got a mean and a spread of its own: a turned tensor mixes the columns.": (
            lambda T: (T - T.mean(0)) / T.std(0)
        ),
        "You subtracted one number from all nine components. The tensor of nine ones is not the unit tensor.": (
            lambda T: (T - T.mean()) / (T - T.mean()).square().mean().sqrt()
        ),
        "You subtracted each tensor's own trace: that is a label, not a unit, and cannot be added back to a "
        "prediction.": lambda T: _scaled(
            T - T.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * torch.eye(3, dtype=T.dtype)
        ),
        "The centre is right; the rest is not yet divided by its root mean square.": lambda T: _centred(T),
        "Divided rightly, but the mean of the traces is still inside.": lambda T: _scaled(T),
        "`std` first subtracts the mean of all components, which changes when you turn: take the root of the mean square.": (
            lambda T: _centred(T) / _centred(T).std()
        ),
    },
)
def standard_tensors(T):
    """Tensors without their mean multiple of 1, in units of the root mean square of the rest."""
    rest = T - T.diagonal(dim1=1, dim2=2).mean() * torch.eye(3, dtype=T.dtype)
    return rest / rest.square().mean().sqrt()


def _centred(T: Tensor) -> Tensor:
    return T - T.diagonal(dim1=1, dim2=2).mean() * torch.eye(3, dtype=T.dtype)


def _scaled(tensors: Tensor) -> Tensor:
    return tensors / tensors.square().mean().sqrt()


question(
    "106.two_labels",
    "Forces of the same 500 K frames of ethanol, once with a fast method (GFN2-xTB), once with a better one (PBE0). "
    "Forces are about 1 eV/Å in size. How far apart are the two?",
    options={
        "About 0.001 eV/Å: both solve the same molecule": "That is how exactly each method is solved, not how they differ.",
        "A few tenths of an eV/Å": "The label's method differs more than good models err: a table of errors means "
        "nothing without the name of the method.",
        "Several eV/Å: a fast method is useless": "It would not hold the molecule together then, and it does.",
    },
    answer="A few tenths of an eV/Å",
)
question(
    "106.noise",
    "How far an atom of a cold liquid has moved, averaged over 32 runs from the same positions. The means of runs 1 to 16 and of "
    "17 to 32 correlate with r = 0.73. What is the best correlation that any model can reach with the mean of all 32?",
    options={
        "0.73: nobody predicts data better than data": "A half is noisier than the mean of all, and a model need not "
        "be noisy.",
        "0.84": "More than r is right: the mean of all is less noisy than a half. But a perfect model is not noisy at all.",
        "0.92": "The truth itself would score that, and nothing more. The exercise asks how one knows.",
        "1: a good enough model": "It would have to predict the noise.",
    },
    answer="0.92",
)
question(
    "106.leak",
    "A thousand frames from ten walks of one molecule. You draw test frames at random, from the walks that you train on too. "
    "Against test frames from walks of their own, the error will look ...",
    options={
        "the same: a frame is a frame": "Neighbours in time are alike, and some of the test frames have theirs in training.",
        "smaller": "The test asks what the training has nearly seen. A new walk, which is what you will want, has no such "
        "neighbours.",
        "larger: random is harder": "Random is what makes it easy.",
    },
    answer="smaller",
)
question(
    "106.energies",
    "Total energies of 3,920 molecules spread over thousands of eV. How much of that spread is left when each atom takes away "
    "one number for its element?",
    options={
        "About half": "Bonds are a small part of an energy that counts all electrons.",
        "Less than a thousandth": "Composition is nearly everything in a total energy; chemistry is what is left, and that "
        "is what a model should spend its effort on.",
        "None: energies are sums over atoms": "Then there would be no chemistry.",
    },
    answer="Less than a thousandth",
)
