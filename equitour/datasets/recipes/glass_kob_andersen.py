"""Who will move? Isoconfigurational dynamics of the three-dimensional Kob-Andersen liquid.

80:20 Lennard-Jones mixture, density 1.2, 1000 particles, temperatures 0.64, 0.56 and 0.50. From each configuration
32 runs start with fresh velocities; the mean distance that a particle travels is its propensity. Half means of
sixteen runs each tell how much of it is knowable at all (the noise ceiling), and the mean displacement vector is
kept, not only its length. 70, 170 and 680 CPU-s a configuration. Reduced Lennard-Jones units throughout.
"""

import ctypes
from pathlib import Path

import numpy as np

from equitour.datasets.recipes.bench import Bench, lammps_session, rounded, versions
from equitour.datasets.shelf import SHIPPED, Item

SEED, PARTICLES, RUNS, STEP = 44, 1000, 32, 0.005
LENGTH = (PARTICLES / 1.2) ** (1 / 3)
# Temperature -> (configurations, longest time, equilibration); one relaxation time is 10, 35 and 170.
PLAN = {0.64: (6, 20.0, 200.0), 0.56: (12, 50.0, 500.0), 0.50: (12, 200.0, 2000.0)}
CARD = {
    "title": "Kob-Andersen glass former: structure now, motion later",
    "units": {
        "temperature": "ε/k_B",
        "times": "√(mσ²/ε)",
        "energy": "ε",
        "inherent_energy": "ε",
        "inherent_positions": "σ",
        "propensity": "σ",
        "propensity_halves": "σ",
        "mean_displacement": "σ",
    },
    "labels": {
        "propensity": "mean distance travelled, (nodes, times)",
        "mean_displacement": "(nodes, times, 3)",
        "propensity_halves": "means of runs 1-16 and 17-32, (nodes, times, 2)",
        "energy": "per-particle, thermal",
        "inherent_energy": "per-particle, after a quench",
        "times": "ten, log-spaced",
        "inherent_positions": "after the quench, unwrapped with the thermal ones",
    },
    "method": "LAMMPS, lj/cut 2.5 σ_ab, shifted; NVT (Nosé-Hoover, 0.5), step 0.005. Particle 1 is A and 2 is B, "
    "stored as hydrogen and helium. Each configuration from its own random start, so all are independent.",
    "caveats": "1000 particles; one relaxation time is about 10, 35 and 170 at 0.64, 0.56 and 0.50.",
    "seed": SEED,
    "cutoff": 2.0,
    "licence": "MIT",
    "citation": "W. Kob, H. C. Andersen, Phys. Rev. E 51, 4626 (1995); A. Widmer-Cooper, P. Harrowell, H. Fynewever, "
    "Phys. Rev. Lett. 93, 135701 (2004) for propensity.",
}


# Random places, pushed apart softly, then the real potential, then down to the temperature.
SCRIPT = """
    units lj
    atom_modify map array
    region box block 0 {length} 0 {length} 0 {length}
    create_box 2 box
    create_atoms 1 random {many} {seed_a} box
    create_atoms 2 random {few} {seed_b} box
    mass * 1.0
    pair_style soft 1.0
    pair_coeff * * 50.0 0.95
    minimize 1e-4 1e-4 500 2000
    pair_style lj/cut 2.5
    pair_modify shift yes
    pair_coeff 1 1 1.0 1.0 2.5
    pair_coeff 1 2 1.5 0.8 2.0
    pair_coeff 2 2 0.5 0.88 2.2
    neighbor 0.4 bin
    neigh_modify delay 0 every 1 check yes
    minimize 1e-4 1e-4 500 2000
    timestep {step}
    thermo 1000000
    velocity all create 2.0 {seed_v} dist gaussian
    compute place all property/atom xu yu zu
    compute energy all pe/atom
    fix bath all nvt temp 2.0 2.0 0.5
    run 2000
    unfix bath
    fix bath all nvt temp 2.0 {temperature} 0.5
    run 4000
    unfix bath
    fix bath all nvt temp {temperature} {temperature} 0.5
    run {rest}
    unfix bath
"""


def prepare(temperature: float, seed: int, equilibration: float):
    """A LAMMPS session with a liquid at rest with its temperature."""
    session, _ = lammps_session("-sf", "opt")
    few = PARTICLES // 5
    seeds = {"seed_a": 1234 + seed, "seed_b": 4321 + seed, "seed_v": 77 + seed}
    rest = round(equilibration / STEP)
    session.commands_string(
        SCRIPT.format(
            length=LENGTH,
            many=PARTICLES - few,
            few=few,
            step=STEP,
            temperature=temperature,
            rest=rest,
            **seeds,
        )
    )
    return session


def read(session, compute: str) -> np.ndarray:
    """A per-particle compute in the order of the particles' numbers."""
    session.command("run 0 post no")
    values = session.numpy.extract_compute(compute, 1, 2 if compute == "place" else 1)[:PARTICLES].copy()
    return values[np.argsort(session.numpy.extract_atom("id")[:PARTICLES])]


def put(session, positions: np.ndarray) -> None:
    """Set all particles back to ``positions``, in the home box."""
    session.command("set group all image 0 0 0")
    session.scatter_atoms("x", 1, 3, (ctypes.c_double * positions.size)(*positions.ravel()))


def run_from(session, start: np.ndarray, *, temperature: float, steps: np.ndarray, seed: int) -> np.ndarray:
    """Displacements (times, particles, 3) of one run with fresh Maxwell velocities."""
    put(session, start)
    session.commands_string(f"""
        velocity all create {temperature} {seed} dist gaussian mom yes rot no loop all
        fix bath all nvt temp {temperature} {temperature} 0.5
        reset_timestep 0
    """)
    first, last, found = read(session, "place"), 0, []
    for step in steps:
        session.command(f"run {step - last} post no")
        last = step
        found.append(read(session, "place") - first)
    session.command("unfix bath")
    return np.array(found)


def configuration(
    key: str, *, longest: float | None = None, equilibration: float | None = None, runs: int = RUNS
) -> Item:
    """``0.50-03``: one configuration, its 32 runs and its inherent structure."""
    temperature, index = float(key.split("-")[0]), int(key.split("-")[1])
    _, planned_longest, planned_rest = PLAN[temperature]
    steps = np.unique(np.round(np.geomspace(0.1, longest or planned_longest, 10) / STEP).astype(int))
    seed = SEED + 1000 * index + round(temperature * 100)
    session = prepare(temperature, seed, equilibration or planned_rest)
    start = rounded(read(session, "place") % LENGTH, 5)
    put(session, start)
    known = {"energy": read(session, "energy")}
    order = np.argsort(session.numpy.extract_atom("id")[:PARTICLES])
    kinds = session.numpy.extract_atom("type")[:PARTICLES][order].copy()
    fresh = [100 * seed + run for run in range(1, runs + 1)]
    moved = [run_from(session, start, temperature=temperature, steps=steps, seed=chance) for chance in fresh]
    put(session, start)
    session.command("minimize 0 1e-6 2000 20000")
    known |= {"inherent_positions": read(session, "place"), "inherent_energy": read(session, "energy")}
    session.close()
    return Item(
        key=key,
        atomic_numbers=kinds,
        positions=start,
        cell=LENGTH * np.eye(3),
        pbc=np.ones(3, dtype=bool),
        item={"temperature": temperature, "times": steps * STEP},
        atom={
            name: rounded(a, 4).astype(np.float32)
            for name, a in (known | statistics(np.array(moved))).items()
        },
    )


def statistics(moved: np.ndarray) -> dict[str, np.ndarray]:
    """Means over runs of displacements (runs, times, nodes, 3): of their length, of its halves, of the vector."""
    far, half = np.linalg.norm(moved, axis=-1), len(moved) // 2
    halves = np.stack([far[:half].mean(0), far[half:].mean(0)], axis=-1)
    return {
        "propensity": far.mean(0).T,
        "propensity_halves": halves.transpose(1, 0, 2),
        "mean_displacement": moved.mean(0).transpose(1, 0, 2),
    }


def make(folder: Path = SHIPPED, minutes: float | None = None) -> None:
    """Make what is missing, the hottest and cheapest first."""
    keys = [f"{t:.2f}-{i:02d}" for t, (count, _, _) in PLAN.items() for i in range(count)]
    card = CARD | {"codes": versions("lammps", "numpy")}
    Bench(name="glass_kob_andersen", card=card, folder=folder, minutes=minutes).make(keys, configuration)


if __name__ == "__main__":
    make()
