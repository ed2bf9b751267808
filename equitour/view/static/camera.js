import { compose, rotation, turn } from "./geometry.js";

const HALF_FIELD = (12 * Math.PI) / 180;
const START = compose(turn([1, 0, 0], 0.32), turn([0, 1, 0], -0.5));

// Where the reader looks from. All 3D panels of one figure share it, so that a turned structure
// and the surface beside it are always seen from the same side.
export class Camera {
  constructor() { this.reset(); }

  reset() { this.orientation = this.home || START; this.zoom = 1; }

  turnBy(dx, dy) {
    const angle = Math.hypot(dx, dy);
    if (angle < 1e-9) return;
    const q = compose(turn([dy / angle, dx / angle, 0], angle), this.orientation);
    const norm = Math.hypot(...q);
    this.orientation = q.map((value) => value / norm);
  }

  zoomBy(factor) { this.zoom = Math.max(0.3, Math.min(12, this.zoom * factor)); }

  // Matrices that fit a sphere of this extent around the centre into a picture of this shape.
  look(centre, extent, aspect) {
    const rows = rotation(this.orientation);
    const distance = extent / Math.sin(HALF_FIELD);
    const near = distance - 1.6 * extent, far = distance + 1.6 * extent;
    const shift = rows.map((row) => -(row[0] * centre[0] + row[1] * centre[1] + row[2] * centre[2]));
    const view = new Float32Array(16);
    for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) view[4 * j + i] = rows[i][j];
    view.set([shift[0], shift[1], shift[2] - distance, 1], 12);
    // The whole sphere is in the picture, so that from no side an atom at its rim is cut.
    const scale = (this.zoom * Math.min(1, aspect)) / Math.tan(HALF_FIELD);
    const lens = [scale / aspect, scale, -(far + near) / (far - near), (-2 * far * near) / (far - near)];
    return { rows, view, lens, haze: [distance - 0.9 * extent, distance + 1.1 * extent, 0.42] };
  }
}

// Where a point lands: x and y in pixels of a width x height picture, depth, and pixels per Å there.
export function project({ view, lens }, point, width, height) {
  const [x, y, z] = [0, 1, 2].map((i) => view[i] * point[0] + view[4 + i] * point[1] + view[8 + i] * point[2] + view[12 + i]);
  return { x: (0.5 + (0.5 * lens[0] * x) / -z) * width, y: (0.5 - (0.5 * lens[1] * y) / -z) * height, depth: -z, scale: (0.5 * lens[1] * height) / -z };
}
