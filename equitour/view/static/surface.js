import { NEGATIVE, POSITIVE } from "./colour.js";
import { gridTriangles, sphereGrid } from "./geometry.js";
import { harmonicBasis } from "./harmonic_basis.js";
import { Solid } from "./solid.js";
import { Instances } from "./stage.js";

const ROWS = 41, COLUMNS = 81;

// The surface r(n) = |f(n)| with the sign of f as its colour.
export class Surface extends Solid {
  constructor(spec, figure, host) {
    super(spec, figure, host);
    this.width3 = (spec.lmax + 1) ** 2;
    this.directions = sphereGrid(ROWS, COLUMNS);
    this.basis = harmonicBasis(this.directions, spec.lmax);
    const count = ROWS * COLUMNS;
    this.mesh = { points: new Float32Array(3 * count), normals: new Float32Array(3 * count), values: new Float32Array(count), indices: gridTriangles(ROWS, COLUMNS) };
    this.one = new Instances();
    this.one.add([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], POSITIVE, NEGATIVE);
  }

  paint(k) {
    if (k !== this.shaped) this.shape(k);
    if (this.generation !== this.stage.generation) {
      this.card = this.stage.upload(this.mesh);
      this.generation = this.stage.generation;
    } else if (k !== this.shaped) {
      for (const [name, data] of [["point", this.mesh.points], ["normal", this.mesh.normals], ["value", this.mesh.values]]) this.stage.update(this.card, name, data);
    }
    this.shaped = k;
    this.stage.draw(this.card, this.one, { mode: 3 });
  }

  shape(k) {
    const { points, values } = this.mesh, { basis, directions, width3 } = this;
    const c = this.spec.drawn.subarray(k * width3, (k + 1) * width3);
    for (let v = 0; v < values.length; v++) {
      let f = 0;
      for (let m = 0, at = v * width3; m < width3; m++) f += basis[at + m] * c[m];
      const r = Math.abs(f);
      values[v] = f;
      points[3 * v] = directions[3 * v] * r;
      points[3 * v + 1] = directions[3 * v + 1] * r;
      points[3 * v + 2] = directions[3 * v + 2] * r;
    }
    this.shade();
  }

  // Normals as the sum of the triangles around each point; the seam and the poles share theirs.
  shade() {
    const { points: p, normals: n, indices } = this.mesh;
    n.fill(0);
    for (let t = 0; t < indices.length; t += 3) {
      const a = 3 * indices[t], b = 3 * indices[t + 1], c = 3 * indices[t + 2];
      const ux = p[b] - p[a], uy = p[b + 1] - p[a + 1], uz = p[b + 2] - p[a + 2];
      const vx = p[c] - p[a], vy = p[c + 1] - p[a + 1], vz = p[c + 2] - p[a + 2];
      const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
      n[a] += x; n[a + 1] += y; n[a + 2] += z;
      n[b] += x; n[b + 1] += y; n[b + 2] += z;
      n[c] += x; n[c + 1] += y; n[c + 2] += z;
    }
    for (let i = 0; i < ROWS; i++) this.share(3 * i * COLUMNS, 3 * (i * COLUMNS + COLUMNS - 1));
    for (const row of [0, ROWS - 1]) for (let j = 1; j < COLUMNS; j++) this.share(3 * row * COLUMNS, 3 * (row * COLUMNS + j));
    for (const row of [0, ROWS - 1]) for (let j = 1; j < COLUMNS; j++) n.copyWithin(3 * (row * COLUMNS + j), 3 * row * COLUMNS, 3 * row * COLUMNS + 3);
  }

  share(a, b) {
    const n = this.mesh.normals;
    for (let x = 0; x < 3; x++) n[a + x] = n[b + x] = n[a + x] + n[b + x];
  }
}
