"""Trained potentials in the box: `shipped.load("nequip_ethanol/l1_n100")`, so that no lesson waits for a long training.

Each is one safetensors file beside a manifest that vouches for it by its sha256 and says how it was trained, on what,
and with which script.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from equitour.models import Potential
from equitour.models import load as load_file
from equitour.models import save as save_file

FOLDER = Path(__file__).parent


def available(folder: Path = FOLDER) -> list[str]:
    """Names of all shipped potentials."""
    return sorted(_manifest(folder))


def describe(name: str, folder: Path = FOLDER) -> dict:
    """How a potential was trained: data, settings, steps, CPU seconds, codes, licence, sha256.

    Raises:
        ValueError: There is none of that name.
    """
    manifest = _manifest(folder)
    if name not in manifest:
        raise ValueError(
            f"a shipped potential must be one of {', '.join(sorted(manifest)) or 'none'}, received {name!r}: "
            "choose one of them"
        )
    return manifest[name]


def load(name: str, folder: Path = FOLDER) -> Potential:
    """A shipped potential, ready to be evaluated, in the precision it was trained in.

    Raises:
        ValueError: There is none of that name, or its file is not the one that the manifest vouches for.
    """
    card = describe(name, folder)
    path = folder / card["file"]
    if not path.exists() or _sha256(path) != card["sha256"]:
        raise ValueError(
            f"the weights of {name} must have the sha256 of the manifest, received other ones or none in {path.name}: "
            "reinstall equitour"
        )
    return load_file(path)


def put(potential: Potential, name: str, *, card: Mapping, folder: Path = FOLDER) -> None:
    """Save a potential and its card; the file first, then its line in the manifest."""
    path = folder / (name.replace("/", "_") + ".safetensors")
    save_file(potential, path, metadata={"name": name})
    measured = {"file": path.name, "sha256": _sha256(path), "bytes": path.stat().st_size}
    manifest = _manifest(folder) | {name: dict(card) | measured}
    text = json.dumps(dict(sorted(manifest.items())), indent=1, ensure_ascii=False) + "\n"
    partial = folder / "manifest.json.part"
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, folder / "manifest.json")


def _manifest(folder: Path) -> dict[str, dict]:
    path = folder / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
