"""The published sets of molecules: what each file is, and at which commit."""

from functools import partial

from equitour.datasets import formats, formats_npz
from equitour.datasets.fetch import RemoteFile
from equitour.datasets.public import entry, github, packed
from equitour.datasets.source import Source

RMD17 = {
    "ethanol": "096946747b8d9dcfa042b44f8debbd3da387dfe1586b659e3be789cc4927316a",
    "malonaldehyde": "95723385cdfd7f8446a84cdff607f14901e4c2b3949db7a965147dc5098d8ee1",
    "aspirin": "d460f0e43a1a9411b55cdcd9cdbeb9466ae62851ac91392516ab88e4ebc68143",
    "benzene": "6e69deb5dc8663c2d2461cc50e522c74742acea7b4185da348fc08585a15cdc7",
}
ENERGY_FORCES = {"energy": "eV", "forces": "eV/Å"}


def rmd17(molecule: str) -> Source:
    """Revised MD17, training split 1."""
    file = f"rmd17_{molecule}_train_01.npz"
    url = github("andersx/rmd17-npz", "4f6bb0a186822c90d47cd98b7a27991fe0b3173b", f"rmd17-npz/{file}")
    card = {
        "title": f"Revised MD17: {molecule}",
        "units": ENERGY_FORCES,
        "method": "PBE/def2-SVP, tight, frames of 500 K dynamics; training split 1 of 5. kcal/mol became eV.",
        "caveats": "Frames come from one trajectory: a random split of the original leaks neighbours in time.",
        "licence": "CC0-1.0",
        "citation": "A. S. Christensen, O. A. von Lilienfeld, Mach. Learn.: Sci. Technol. 1, 045018 (2020)",
    }
    forms = [[RemoteFile(name=f"rmd17/{file}", url=url, sha256=RMD17[molecule])]]
    return entry(
        f"rmd17/{molecule}", forms, formats_npz.rmd17, instead="load('molecules_md/ethanol')", card=card
    )


def botnet(
    name: str, folder: str, free: str, hashes: tuple[str, str, str], title: str, theory: str
) -> Source:
    """Acetylacetone or 3BPA at 300 K, with free atoms."""
    base = partial(github, "davkovacs/BOTNet-datasets", "29e6d467317e4b5967b7ea5cbee54de953fa0d45")
    atoms = RemoteFile(name=f"{name}/{free}", url=base(f"{folder}/{free}"), sha256=hashes[0])
    frames = packed(f"{name}/train_300K.xyz", base(f"{folder}/train_300K.xyz"), *hashes[1:])
    card = {
        "title": title,
        "units": ENERGY_FORCES | {"free_atom_energies": "eV"},
        "licence": "MIT",
        "method": f"{theory} on 500 frames of dynamics at 300 K; hotter test sets stand beside it upstream.",
    }
    card["citation"] = (
        "D. P. Kovács et al., J. Chem. Theory Comput. 17, 7696 (2021); I. Batatia et al., arXiv:2205.06643"
    )
    forms = [[*form, atoms] for form in frames]
    return entry(name, forms, formats.with_free_atoms, instead="load('molecules_md/ethanol')", card=card)


def qm7() -> Source:
    """QM7's molecules with heats of formation."""
    base = github("qmlcode/qml", "8bb833c", "tests")
    whole = [
        RemoteFile(name="qm7/hof_qm7.txt", url=f"{base}/data/hof_qm7.txt"),
        RemoteFile(name="qm7/qm7.tar.gz", url=f"{base}/qm7.tar.gz"),
    ]
    part = [
        RemoteFile(
            name="qm7/hof_qm7_train.txt",
            sha256="6fff612612217c451e7ea5fb12d98e17a9b54a8a1f9b04052ad9a0629826813e",
        ),
        RemoteFile(
            name="qm7/qm7_xyz_train.tar.gz",
            sha256="3ff67de2dbef96611025445963ff8e9dd18fdf059bca8e1c7ff29f4f78df3b73",
        ),
    ]
    card = {
        "title": "QM7: molecules of up to seven heavy atoms",
        "units": {"energy": "eV", "energy_dftb": "eV"},
        "labels": {"energy": "heat of formation, PBE0", "energy_dftb": "the same by a tight-binding method"},
        "method": "PBE0 and density functional tight binding at relaxed geometries; kcal/mol became eV.",
        "caveats": "A Coulomb matrix wants positions in bohr.",
        "licence": "MIT",
        "citation": "M. Rupp et al., Phys. Rev. Lett. 108, 058301 (2012)",
    }
    return entry("qm7", [whole, part], formats.qm7, instead="load('qm9_small/corner')", card=card)


def qm9_sample() -> Source:
    """985 QM9 molecules with formation energies."""
    whole = RemoteFile(
        name="qm9_785/small_molecules-1000.xyz",
        url=github("BingqingCheng/ASAP", "fe15d45", "tests/small_molecules-1000.xyz"),
    )
    part = RemoteFile(
        name="qm9_785/train.extxyz", sha256="0e336c90202c2bc1f92ae949ba1e068d6cb4b8291149f833abd1f7084a94ad57"
    )

    def read(path):
        return formats.extxyz(path, item={"energy_per_atom": "dft_formation_energy_per_atom_in_eV"}), {}

    card = {
        "title": "A sample of QM9",
        "units": {"energy_per_atom": "eV"},
        "labels": {"energy_per_atom": "formation energy, divided by the number of atoms"},
        "method": "B3LYP/6-31G(2df,p) at relaxed geometries, as in QM9.",
        "licence": "MIT",
        "citation": "B. Cheng et al., Acc. Chem. Res. 53, 1981 (2020); R. Ramakrishnan et al., Sci. Data 1, 140022 (2014)",
    }
    return entry("qm9_sample", [[whole], [part]], read, instead="load('qm9_small/sample')", card=card)


def qm7x() -> Source:
    """QM7-X molecules with polarizability tensors in the frame of the positions."""
    url = github("metatensor/metatrain", "e2af067", "examples/programmatic/tensor_basis/qm7x_reduced_100.xyz")
    forms = [
        [RemoteFile(name="qm7x_polarizability/qm7x_reduced_100.xyz", url=url)],
        [
            RemoteFile(
                name="qm7x_polarizability/train_80.xyz",
                sha256="b45d3d8c811595a6743f6dd519979574d3a1020864345eed2dc2621384a3dab7",
            )
        ],
    ]
    card = {
        "title": "QM7-X: polarizability tensors",
        "units": {"polarizability": "Å³"},
        "licence": "BSD-3-Clause",
        "method": "PBE0 with many-body dispersion; atomic units became Å³.",
        "citation": "J. Hoja et al., Sci. Data 8, 43 (2021)",
    }
    return entry(
        "qm7x_polarizability",
        forms,
        formats.polarizabilities,
        instead="load('molecules_response')",
        card=card,
    )


def sources() -> dict[str, Source]:
    """All published sets of molecules."""
    acac = (
        "b74f321b453374621b447d65c60979f70df1b7182c8ee0215388b2c574f33823",
        "8f5706d6902360555a5be59395612d2afc3489a75688388a58e7275fdad68af3",
        "9b9fd9dc0ef8761680d19fa2b8e71b0a8481318f787f963bbb29b07d68760f5b",
    )
    bpa = (
        "e12a2465a2612bf38fd5dabdf64d4b57fc58ce9610a858c54ea1142d517c053f",
        "d109971fab90e2231ad931a83eb704c8d940f5c7d7a8de27fe3b84ea18634c0a",
        "9f06350b031638620443cfef8b4b6e939bdbf881069168c814f76240c0f7e200",
    )
    return {f"rmd17/{molecule}": rmd17(molecule) for molecule in RMD17} | {
        "acac": botnet(
            "acac",
            "dataset_acac",
            "isolated_atoms.xyz",
            acac,
            "Acetylacetone at 300 K",
            "DFT (settings in the source's paper)",
        ),
        "3bpa": botnet(
            "3bpa",
            "dataset_3BPA",
            "iso_atoms.xyz",
            bpa,
            "3-(benzyloxy)pyridin-2-amine at 300 K",
            "ωB97X/6-31G(d)",
        ),
        "qm7": qm7(),
        "qm9_sample": qm9_sample(),
        "qm7x_polarizability": qm7x(),
    }
