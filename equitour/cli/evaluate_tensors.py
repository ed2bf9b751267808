"""How far tensors are from the labels of a file: the part of `equitour evaluate` for models that give tensors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from equitour.cli.tensor_files import read_tensors
from equitour.cli.tensor_report import require_known_elements, structures_at_once

if TYPE_CHECKING:
    from equitour.models import Response


def errors_of_tensors(
    model: Response, data: Path, *, batch_size: int | None = None
) -> dict[str, float | int]:
    """Root mean square and mean absolute errors over all components, in the labels' units; seconds are the model's."""
    import torch

    from equitour.train import TensorTarget, prediction_errors
    from equitour.train.tensors import predict_tensors

    names = list(model.kinds)
    file = read_tensors(data, names)
    require_known_elements(file, model.elements)
    dtype = next(model.parameters()).dtype
    examples = file.examples(names, cutoff=float(model.cutoff), dtype=dtype)
    targets = [TensorTarget(name=name, species=model.settings["species"].get(name, [])) for name in names]
    started = time.perf_counter()
    with torch.no_grad():
        found = prediction_errors(
            model,
            examples,
            targets,
            batch_size=batch_size or structures_at_once(file),
            predict=predict_tensors,
        )
    seconds = time.perf_counter() - started
    report: dict[str, float | int] = {}
    for name in names:
        report |= {f"{name}_rmse": found[name].rmse, f"{name}_mae": found[name].mae}
    return report | {"structures": len(examples), "seconds": round(seconds, 3)}


def tensor_table(model: Response, report: dict[str, float | int]) -> str:
    """The same as a row a tensor."""
    lines = [f"{'':26}{'RMSE':>12}{'MAE':>12}"]
    for name, kind in model.kinds.items():
        rmse, mae = report[f"{name}_rmse"], report[f"{name}_mae"]
        lines.append(f"{name:26}{rmse:12.4g}{mae:12.4g}  {kind.units}".rstrip())
    lines.append(f"{report['structures']} structures in {report['seconds']:.1f} s")
    return "\n".join(lines)
