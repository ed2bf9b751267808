"""From which side a molecule is first seen."""

import numpy as np


def flat_side(places: np.ndarray) -> list[float] | None:
    """A quaternion [w, x, y, z] that shows a molecule from its flat side, a little from above, widest from left to right."""
    centred = places - places.mean(axis=0)
    sizes, axes = np.linalg.eigh(centred.T @ centred)
    if sizes[2] < 1e-6:
        return None
    rows = axes[:, ::-1].T * np.sign(axes[np.abs(axes).argmax(axis=0), range(3)])[::-1, None]
    rows[2] = np.cross(rows[0], rows[1])
    tilt = np.array([[1, 0, 0], [0, np.cos(0.3), -np.sin(0.3)], [0, np.sin(0.3), np.cos(0.3)]])
    turn = np.array([[np.cos(0.25), 0, -np.sin(0.25)], [0, 1, 0], [np.sin(0.25), 0, np.cos(0.25)]])
    return _quaternion(tilt @ turn @ rows)


def _quaternion(matrix: np.ndarray) -> list[float]:
    """Of a rotation matrix: the eigenvector to the largest eigenvalue of Bar-Itzhack's symmetric matrix."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = matrix
    q = np.linalg.eigh(
        [
            [xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, yy - xx - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )[1][:, -1]
    return [round(float(value), 6) for value in (q[3], q[0], q[1], q[2])]
