"""The published sets of crystals and glasses: what each file is, and at which commit."""

from collections.abc import Mapping
from functools import partial

from equitour.datasets import formats, formats_npz
from equitour.datasets.fetch import RemoteFile
from equitour.datasets.public import entry, github, packed
from equitour.datasets.source import Source

MLEARN = {
    "Si": (
        "ae6d4b0a65b00e0fcf7ba0a6fad366716710d2f0d21d70199203089c6866b500",
        "38664115a483a7b6c8811b4e06a1733ed3e50eda4ee4b04aed9eab6b80ca4ceb",
    ),
    "Mo": (
        "b13305fca0d0d2631ab080c8fcf13c743ee79a911712fb65a34ca88fadf09f9a",
        "9d796bcca20d01230a00a169cecf793e132d2be10f5cbbfc431aeafff78ac389",
    ),
}
ENERGY_FORCES = {"energy": "eV", "forces": "eV/Å"}


CDVAE = "T. Xie et al., Crystal Diffusion Variational Autoencoder, ICLR 2022, arXiv:2110.06197"
BOTAN = (
    "fd7a4bc538f01964d9166c4233e026f06b81148d23fe820c9bc03c3f8279eccc",
    "79d096424679c5399aa8bda54cd4fee6591466e7be9a793172adac5ffdd88921",
    "62e6f0f6e821865f39fa54e72b07248a5c3d92e0599d883ced69fc1ea56ad418",
    "a7d705707d9ddf86c7a65ff3b033234889e6c4db4832e31e572242e7671c1e3d",
    "394e71d1580cae26fda50fb45bbcd4bf7b62140df3efe9e33ff6d6c387af566f",
    "716e6aeda0a01c890071a33fa4b5f1fc99e89cfda874ad2839bd645ce92c5f68",
    "0b0e3a1de1130095acc071264d990bbf7683291f358a0074e6ffad9e64ebbcd9",
    "74d24e8552c9648aeaf961b8748188b404b7bd78fa54b5cf6d3e51026fff512a",
    "a2e690554d4ae267d4c3031ec35395f05ffd7ea8f279962962136971eccf8faa",
    "42880f9425c430b2c73f8df1694c41112eba29039d4f1a8c80e9ceb5d83fc57b",
)


def crystals(
    name: str, labels: Mapping[str, str], hashes: tuple[str, str], card: Mapping[str, object], instead: str
) -> Source:
    """A validation table of CDVAE's benchmark."""
    url = github("txie-93/cdvae", "f857f59", f"data/{name}/val.csv")
    read = partial(formats.cif_table, labels=labels)
    return entry(name, packed(f"{name}/val.csv", url, *hashes), read, instead=instead, card=card)


def mlearn(element: str) -> Source:
    """Training structures of one element: bulk, strained, surfaces, vacancies, hot."""
    url = github("materialsvirtuallab/mlearn", "10c427a", f"data/{element}/training.json")
    card = {
        "title": f"mlearn: {element}",
        "units": ENERGY_FORCES | {"group": "text"},
        "licence": "BSD-3-Clause",
        "method": "PBE (VASP): ground state, strained, surfaces, vacancies and dynamics.",
        "citation": "Y. Zuo et al., J. Phys. Chem. A 124, 731 (2020)",
    }
    forms = packed(f"mlearn/{element}_training.json", url, *MLEARN[element])
    return entry(f"mlearn/{element}", forms, formats.mlearn, instead="load('silicon_amorphous')", card=card)


def phonon_dos() -> Source:
    """Phonon densities of states from perturbation theory."""
    whole = RemoteFile(
        name="phonon_dos/data.csv", url=github("ninarina12/phononDoS_tutorial", "036ba10", "data/data.csv")
    )
    part = RemoteFile(
        name="phonon_dos/train.csv.gz",
        sha256="778d24c5d98a0dce6522b0d031a633ae4ec971f9120995f777e48fc131d353fb",
    )
    card = {
        "title": "Phonon densities of states of 1521 crystals",
        "units": {"dos": "1 at its maximum", "frequency": "cm^-1"},
        "method": "Density functional perturbation theory (PBEsol, ABINIT), on 51 points to 1000 cm^-1.",
        "caveats": "Each curve was divided by its maximum, so it no longer integrates to 3N.",
        "licence": "MIT",
        "citation": "G. Petretto et al., Sci. Data 5, 180065 (2018); Z. Chen et al., Adv. Sci. 8, 2004214 (2021)",
    }
    return entry("phonon_dos", [[whole], [part]], formats.phonon_table, instead="load('phonons')", card=card)


def barium_titanate() -> Source:
    """Only from a mirror: the publisher's repository is GPL and packs it in another form."""
    part = RemoteFile(
        name="bto_response/train_40.npz",
        sha256="6f912fc6795cb6dcbf922b0bd7beffbea4ac5e884f07eb0ac41c70dc08210fcb",
    )
    card = {
        "title": "BaTiO3 at 400 K: Born charges and Raman tensors",
        "licence": "GPL-3.0 repository (camml-lab/e3response)",
        "units": {
            "born_effective_charges": "e",
            "raman_tensors": "not stated by the source",
            "dielectric": "1",
            "dielectric_intact": "truth value",
        },
        "labels": {
            "born_effective_charges": "(nodes, 3, 3); the source does not say which index is the displacement's",
            "raman_tensors": "(nodes, 3, 3, 3): displacement first, then the two fields",
            "dielectric": "(3, 3), symmetric",
            "dielectric_intact": "false where the source's tensor is broken",
        },
        "method": "Density functional perturbation theory on cells of 135 atoms from dynamics; settings not stated.",
        "caveats": "Structures 10, 17, 20 and 23 carry a broken dielectric tensor; fractional coordinates are wrapped.",
        "citation": "camml-lab, e3response",
    }
    return entry(
        "bto_response",
        [[part]],
        formats_npz.barium_titanate_md,
        instead="load('barium_titanate')",
        card=card,
    )


def glass_botan() -> Source:
    """Kob-Andersen configurations at T = 0.44 with 32 isoconfigurational end points each."""
    address = "small_data/T0.44/train/isoconfig_N4096T0.44_{}_tc07.npz"
    whole = [
        RemoteFile(
            name=f"glass_botan_T0.44/{address.format(i).split('/')[-1]}",
            url=github(
                "h3-Open-BDEC/pyg_botan", "6da560c47a888b212b5d631314d5b6651bbd00aa", address.format(i)
            ),
        )
        for i in range(1, 11)
    ]
    part = [
        RemoteFile(name=f"glass_botan_T0.44/config_{i:02d}.npz", sha256=BOTAN[i - 1]) for i in range(1, 11)
    ]
    card = {
        "title": "Kob-Andersen glass former, 4096 particles at T = 0.44",
        "licence": "Apache-2.0",
        "units": {"propensity": "σ", "propensity_halves": "σ", "mean_displacement": "σ"},
        "labels": {
            "propensity": "mean distance travelled in one relaxation time, over 32 runs, (nodes,)",
            "propensity_halves": "means of runs 1-16 and 17-32, (nodes, 2)",
            "mean_displacement": "mean over the runs of the displacement vector, (nodes, 3)",
        },
        "method": "Molecular dynamics, 32 isoconfigurational runs. Positions in σ; A is stored as hydrogen, B as helium.",
        "caveats": "The mean over all particles varies from 0.50 to 0.81 σ between configurations at the same temperature.",
        "citation": "H. Shiba et al., J. Chem. Phys. 158, 084503 (2023)",
    }
    return entry(
        "glass_botan",
        [whole, part],
        formats_npz.botan,
        instead="load('glass_kob_andersen')",
        card=card,
        cutoff=2.0,
    )


def si_nequip() -> Source:
    """Silicon at finite temperature, 64 atoms."""
    forms = [
        [
            RemoteFile(
                name="si_nequip/sitraj.xyz", url=github("mir-group/nequip-tutorial", "8f90935", "sitraj.xyz")
            )
        ],
        [
            RemoteFile(
                name="si_nequip/sitraj_first99.extxyz",
                sha256="0c3d557f22d661b7cba56bbaee51809610c58a72138076d73e50dd24c5a57649",
            )
        ],
    ]

    def read(path):
        return formats.extxyz(path, item={"energy": "energy"}, atom={"forces": "forces"}), {}

    card = {
        "title": "Silicon, 64 atoms",
        "method": "Density functional theory on frames of hot dynamics; settings not stated by the source.",
        "units": {"energy": "eV", "forces": "eV/Å"},
        "licence": "MIT",
        "citation": "mir-group, nequip-tutorial",
    }
    return entry("si_nequip", forms, read, instead="load('silicon_amorphous')", card=card)


def perov_5() -> Source:
    """Castelli's perovskites, the validation part of CDVAE's benchmark."""
    hashes = (
        "326f401219901270374b71e2faff63df3a29a99fd26f469993b9f476b693daf2",
        "eda649bcb3f1accbefccfb2026d3a5311b2083992144ec3449de2ca2a754062a",
    )
    card = {
        "title": "Perov-5: ABX3 crystals",
        "licence": "MIT; data: I. E. Castelli et al. (2012)",
        "citation": CDVAE,
        "units": {"heat": "eV/atom", "gap_direct": "eV", "gap_indirect": "eV"},
        "method": "GPAW, formation heats with RPBE, gaps with GLLB-sc.",
        "caveats": "All cells share one 5-atom motif.",
    }
    labels = {"heat": "heat_all", "gap_direct": "dir_gap", "gap_indirect": "ind_gap"}
    return crystals("perov_5", labels, hashes, card, "load('perovskites_relaxed')")


def carbon_24() -> Source:
    """Pickard's carbon crystals, the validation part of CDVAE's benchmark."""
    hashes = (
        "36c00689cd63073c954a58bc6ed6e2adb7aeed5a630c994970959a1babffd50e",
        "7d3186a768d52717c0b2df92e21a3a768467442bfbddd32df23bff3cc5daf32b",
    )
    card = {
        "title": "Carbon-24: carbon crystals",
        "licence": "MIT; data: C. J. Pickard (2020)",
        "citation": CDVAE,
        "units": {"energy_per_atom": "eV"},
        "method": "Random structure search at 10 GPa, CASTEP.",
    }
    return crystals(
        "carbon_24", {"energy_per_atom": "energy_per_atom"}, hashes, card, "load('silicon_amorphous')"
    )


def sources() -> dict[str, Source]:
    """All published sets of crystals and glasses."""
    return {
        "perov_5": perov_5(),
        "carbon_24": carbon_24(),
        "phonon_dos": phonon_dos(),
        "bto_response": barium_titanate(),
        "glass_botan": glass_botan(),
        "si_nequip": si_nequip(),
    } | {f"mlearn/{element}": mlearn(element) for element in MLEARN}
