"""The autoencoder that synchronises first: one pose for all that is the same motif."""

import pytest
import torch

from equitour import datasets
from equitour.generative import (
    GramScale,
    GramVAE,
    PosedVAE,
    SetVAE,
    environments,
    gram_matrix,
    load_motif_model,
    pose,
    reference_motif,
    save_motif_model,
    shuffled,
    synchronise_unordered,
    train_vae,
    vary_neighbors,
)
from equitour.symmetry import random_orthogonal


@pytest.fixture(scope="module")
def silicon():
    """Motifs of three cells of amorphous silicon, eleven neighbours each, and of a fourth."""
    cells = datasets.load("silicon_amorphous", cutoff=5.5)
    amorphous = [
        graph
        for graph, phase in zip(cells.graphs, cells.labels["phase"], strict=True)
        if phase == "amorphous"
    ]
    cut = [environments(graph, num_neighbors=11).vectors.float() for graph in amorphous[:4]]
    return torch.cat(cut[:3]), cut[3][:200, :8]


@pytest.fixture
def network(silicon):
    torch.manual_seed(0)
    return PosedVAE.of(silicon[0][:, :8], elements=[14])


def test_a_turned_mirrored_and_shuffled_motif_has_the_same_pose(silicon, generator):
    motifs = silicon[1].double()
    reference = reference_motif(motifs)
    changed = shuffled(motifs @ random_orthogonal(generator=generator).mT, generator=generator)
    assert torch.allclose(pose(changed, reference), pose(motifs, reference), atol=1e-9)


def test_a_pose_is_the_motif_itself_turned(silicon):
    motifs = silicon[1].double()
    posed = pose(motifs, reference_motif(motifs))
    assert synchronise_unordered(posed, motifs).rmsd.max() < 1e-9


def test_without_mirrors_a_motif_and_its_image_keep_apart(silicon):
    motifs = silicon[1].double()
    reference, mirror = reference_motif(motifs), torch.diag(torch.tensor([1.0, 1.0, -1.0]).double())
    left, right = (pose(which, reference, reflections=False) for which in (motifs, motifs @ mirror))
    assert (left - right).norm(dim=(1, 2)).median() > 0.1


def test_the_reference_lies_in_the_middle_of_the_motifs(silicon):
    motifs = silicon[1].double()
    middle, some = reference_motif(motifs), motifs[:20]

    def spread(reference):
        return (pose(motifs, reference) - reference).square().sum((1, 2)).mean()

    assert spread(middle) < min(spread(motif) for motif in some)


def test_latent_numbers_know_neither_rotation_nor_mirror_nor_order(network, silicon, generator):
    motifs = silicon[1]
    changed = shuffled(motifs @ random_orthogonal(generator=generator).float().mT, generator=generator)
    assert torch.allclose(network.encode(changed).mean, network.encode(motifs).mean, atol=1e-3)


def test_what_is_decoded_is_three_dimensional_and_undoes_the_scaling(network, silicon):
    rows = network.entries(silicon[1])
    found = network.vectors_of(rows)
    assert torch.equal(found.error, torch.zeros(len(rows)))
    assert synchronise_unordered(found.vectors, silicon[1]).rmsd.max() < 1e-5


def test_posed_first_a_short_training_leaves_less_than_half_of_the_error(silicon, generator):
    """300 steps each, the same motifs, the same latent size."""
    motifs, held = silicon[0][:, :8], silicon[1]
    torch.manual_seed(0)
    networks = {
        "Gram": GramVAE(GramScale.of(gram_matrix(motifs)), elements=[14]),
        "posed": PosedVAE.of(motifs, elements=[14]),
    }
    error = {}
    for name, network in networks.items():
        for _ in train_vae(network, motifs, steps=300, kl_weight=1e-3, generator=generator):
            pass
        decoded = network.decode(network.encode(held).mean).vectors
        error[name] = synchronise_unordered(decoded, held).rmsd.median()
    assert error["posed"] < error["Gram"] / 2


def test_varied_neighbours_are_neighbours_the_kept_ones_always(silicon, generator):
    wide = silicon[0]
    varied = vary_neighbors(wide, num_neighbors=8, kept=4, generator=generator)
    assert torch.equal(varied[:, :4], wide[:, :4])
    away = torch.cdist(varied, wide)
    assert away.amin(-1).max() < 1e-3
    # Each of them once, and still the nearest first.
    assert (away.argmin(-1).diff(dim=1) > 0).all()


def test_the_nearer_a_neighbour_the_more_often_it_is_drawn(silicon, generator):
    wide = silicon[0]
    varied = vary_neighbors(wide, num_neighbors=8, kept=4, generator=generator)
    drawn = torch.cdist(varied[:, 4:], wide).argmin(-1).flatten().bincount(minlength=11)
    assert drawn[4:].tolist() == sorted(drawn[4:].tolist(), reverse=True)


@pytest.mark.parametrize(("kept", "wanted"), [(9, 8), (4, 12), (-1, 8)])
def test_more_must_be_there_than_is_kept(silicon, kept, wanted):
    with pytest.raises(ValueError, match=f"received {kept} kept, {wanted} wanted and 11 there: cut motifs"):
        vary_neighbors(silicon[0], num_neighbors=wanted, kept=kept)


def test_sums_over_atoms_know_neither_order_nor_frame_from_the_start(silicon, generator):
    motifs = silicon[1]
    torch.manual_seed(0)
    network = SetVAE.of(motifs, elements=[14])
    changed = shuffled(motifs @ random_orthogonal(generator=generator).float().mT, generator=generator)
    assert torch.allclose(network.encode(changed).mean, network.encode(motifs).mean, atol=1e-4)


def test_the_loss_of_sets_finds_the_partners_and_carries_gradients(silicon, generator):
    motifs = silicon[1]
    network = SetVAE.of(motifs, elements=[14])
    rows = network.entries(motifs)
    changed = shuffled(motifs @ random_orthogonal(generator=generator).float().mT, generator=generator)
    assert network.mismatch(network.entries(changed), rows).max() < 1e-6
    moved = (rows + 0.01).requires_grad_()
    network.mismatch(moved, rows).sum().backward()
    assert moved.grad.abs().max() > 0


def test_a_set_autoencoder_learns(silicon, generator):
    motifs = silicon[0][:, :8]
    torch.manual_seed(0)
    network = SetVAE.of(motifs, elements=[14], hidden=(32,))
    losses = [
        step.reconstruction
        for step in train_vae(network, motifs, steps=40, batch_size=32, kl_weight=1e-3, generator=generator)
    ]
    assert sum(losses[-5:]) < 0.6 * sum(losses[:5])


def test_another_material_goes_through_the_same_calls(generator):
    """A glass of two kinds of particles: motifs around the smaller ones, its lengths in units of its own."""
    glass = datasets.load("glass_kob_andersen", cutoff=2.2)
    around = environments(glass.graphs[0], num_neighbors=8).of_element(
        int(glass.graphs[0].atomic_numbers.max())
    )
    kinds = glass.graphs[0].atomic_numbers.unique().tolist()
    torch.manual_seed(0)
    network = PosedVAE.of(around.vectors.float(), elements=kinds)
    for _ in train_vae(network, around.vectors.float(), steps=300, kl_weight=1e-3, generator=generator):
        pass
    with torch.no_grad():
        back = network.decode(network.encode(around).mean).vectors
    error = synchronise_unordered(back, around.vectors.float()).rmsd.median()
    chance = synchronise_unordered(back[1:], around.vectors[:-1].float()).rmsd.median()
    assert error < chance / 2


@pytest.mark.parametrize("kind", ["Gram", "posed", "set"])
def test_a_saved_network_comes_back_the_same(kind, silicon, network, tmp_path):
    motifs = silicon[1]
    if kind == "Gram":
        network = GramVAE(GramScale.of(gram_matrix(motifs)), elements=[14], latent=5, hidden=(9,))
    if kind == "set":
        network = SetVAE.of(motifs, elements=[14], latent=5, hidden=(9, 7))
    save_motif_model(network, tmp_path / "motifs.safetensors")
    back = load_motif_model(tmp_path / "motifs.safetensors")
    assert type(back) is type(network)
    assert back.settings == network.settings
    assert torch.equal(back.encode(motifs).mean, network.encode(motifs).mean)


def test_a_file_that_holds_no_motif_model_is_refused(tmp_path):
    from equitour.train import save_weights

    save_weights(torch.nn.Linear(2, 2), tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"must be written by save_motif_model, received other\.safetensors"):
        load_motif_model(tmp_path / "other.safetensors")
