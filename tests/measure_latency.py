"""How long a slider takes from key press to drawn pictures: `python tests/measure_latency.py [presses]`.

Ethanol turned through 73 angles with four panels (structure with arrows, harmonics up to l = 3, Wigner matrix, bars),
as a plain page in headless Chromium with WebGL 2 in software. "Drawn" is the end of the drawing code with the pixels
in the panels' canvases; "painted" is two animation frames later, which a 60 Hz clock quantises.
"""

import sys
import tempfile
from pathlib import Path

import browser
import numpy as np

_CLOCK = """
const figure = document.querySelector("[data-equitour]").equitour, draw = figure.draw.bind(figure);
globalThis.times = [];
document.addEventListener("keydown", () => { globalThis.pressed = performance.now(); }, true);
figure.draw = () => {
  draw();
  const drawn = performance.now() - globalThis.pressed;
  requestAnimationFrame(() => requestAnimationFrame(() => globalThis.times.push([drawn, performance.now() - globalThis.pressed])));
};
document.querySelector("input[type=range]").focus();
"""


def ethanol_figure():
    """The figure of the quality bar: a turning molecule, its density's surface, the Wigner matrix and the invariants."""
    import torch
    from ase.build import molecule
    from e3nn import o3

    from equitour import view

    atoms = molecule("CH3CH2OH")
    atoms.positions -= atoms.get_center_of_mass()
    angles = torch.linspace(0, 2 * torch.pi, 73, dtype=torch.float64)
    turns = torch.stack([o3.matrix_x(angle) @ o3.matrix_z(angle / 2) for angle in angles])
    places = torch.einsum("fij,nj->fni", turns, torch.tensor(atoms.positions))
    density = o3.spherical_harmonics([0, 1, 2, 3], places, normalize=True, normalization="norm").mean(dim=1)
    forces = torch.randn(9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    invariants = torch.stack([density[:, l * l : (l + 1) ** 2].norm(dim=1) for l in range(4)], dim=1)
    panels = [
        view.scene(
            (atoms, places),
            vectors={"force (eV/Å)": torch.einsum("fij,nj->fni", turns, forces)},
            title="Ethanol",
        ),
        view.harmonics(density, title="Its density up to l = 3"),
        view.matrix(
            o3.Irreps.spherical_harmonics(3).D_from_matrix(turns),
            blocks=[1, 3, 5, 7],
            title="Wigner matrix D(R)",
        ),
        view.bars(
            invariants, labels=[f"l={l}" for l in range(4)], groups=[1, 1, 1, 1], title="Norm of each degree"
        ),
    ]
    return view.linked(
        panels, labels=[f"{angle:.0f}°" for angle in torch.rad2deg(angles)], title="Rotation angle"
    )


def measure(presses: int) -> np.ndarray:
    """Milliseconds (presses, 2) from key press to drawn and to painted."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    driver = browser.start(size=(1300, 700))
    try:
        with tempfile.TemporaryDirectory() as folder:
            browser.open_page(driver, ethanol_figure().to_html(), Path(folder) / "page.html")
            WebDriverWait(driver, 20).until(
                lambda page: page.find_elements(By.CSS_SELECTOR, "input[type=range]")
            )
            driver.execute_script(_CLOCK)
            slider = driver.find_element(By.CSS_SELECTOR, "input[type=range]")
            for count in range(1, presses + 1):
                slider.send_keys(Keys.ARROW_RIGHT if (count - 1) % 120 < 60 else Keys.ARROW_LEFT)
                WebDriverWait(driver, 5, poll_frequency=0.02).until(
                    lambda page, n=count: page.execute_script("return times.length") >= n
                )
            return np.array(driver.execute_script("return times"))
    finally:
        driver.quit()


if __name__ == "__main__":
    milliseconds = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    for name, values in zip(("drawn", "painted"), milliseconds.T, strict=True):
        print(
            f"key press to {name}: median {np.median(values):.1f} ms, p95 {np.percentile(values, 95):.1f} ms, {len(values)} presses"
        )
