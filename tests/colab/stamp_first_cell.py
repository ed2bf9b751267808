"""Write tutorials/_first_cell.py into the first code cell of every notebook, folded and tagged; touches nothing else.

python tests/colab/stamp_first_cell.py
"""

import json
from pathlib import Path

TUTORIALS = Path(__file__).resolve().parents[2] / "tutorials"
METADATA = {"jupyter": {"source_hidden": True}, "tags": ["setup"]}


def stamp(path: Path, first_cell: str) -> bool:
    """Stamp one notebook; tells whether it changed."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    if ("".join(cell["source"]), cell["metadata"]) == (first_cell, METADATA):
        return False
    cell["source"], cell["metadata"] = first_cell.splitlines(keepends=True), METADATA
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return True


if __name__ == "__main__":
    source = (TUTORIALS / "_first_cell.py").read_text(encoding="utf-8").strip()
    for notebook_path in sorted(TUTORIALS.glob("*.ipynb")):
        if stamp(notebook_path, source):
            print(f"stamped {notebook_path.name}")
