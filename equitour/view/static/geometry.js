export const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const unit = (a) => { const length = Math.hypot(...a) || 1; return a.map((value) => value / length); };

// Quaternions [w, x, y, z].
export const turn = (axis, angle) => {
  const s = Math.sin(angle / 2);
  return [Math.cos(angle / 2), axis[0] * s, axis[1] * s, axis[2] * s];
};

export function compose(p, q) {
  const [a, b, c, d] = p, [e, f, g, h] = q;
  return [a * e - b * f - c * g - d * h, a * f + b * e + c * h - d * g, a * g - b * h + c * e + d * f, a * h + b * g - c * f + d * e];
}

// Rows of the rotation matrix of a unit quaternion.
export function rotation([w, x, y, z]) {
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
}

// Triangles of a grid of rows x columns points.
export function gridTriangles(rows, columns) {
  const indices = [];
  for (let i = 0; i < rows - 1; i++) {
    for (let j = 0; j < columns - 1; j++) {
      const a = i * columns + j, b = a + columns;
      indices.push(a, b, a + 1, a + 1, b, b + 1);
    }
  }
  return new Uint16Array(indices);
}

// Directions over the sphere, polar axis y as in e3nn, rows from pole to pole.
export function sphereGrid(rows, columns) {
  const points = new Float32Array(3 * rows * columns);
  for (let i = 0, k = 0; i < rows; i++) {
    const polar = (Math.PI * i) / (rows - 1), s = Math.sin(polar);
    for (let j = 0; j < columns; j++, k += 3) {
      const azimuth = (2 * Math.PI * j) / (columns - 1);
      points.set([s * Math.sin(azimuth), Math.cos(polar), s * Math.cos(azimuth)], k);
    }
  }
  return points;
}

export function sphereMesh(rows) {
  const columns = 2 * rows - 1;
  const points = sphereGrid(rows, columns);
  return { points, normals: points, indices: gridTriangles(rows, columns) };
}

// A flat disc of radius 1 in the plane of x and y.
export function discMesh(sides) {
  const points = [], normals = [], indices = [];
  for (let j = 0; j < sides; j++) {
    const angle = (2 * Math.PI * j) / sides;
    points.push(Math.cos(angle), Math.sin(angle), 0);
    normals.push(0, 0, 1);
    if (j > 1) indices.push(0, j - 1, j);
  }
  return { points: new Float32Array(points), normals: new Float32Array(normals), indices: new Uint16Array(indices) };
}

// A tube along z from radius 1 at z = 0 to `tip` at z = 1; a closed foot where it is a cone.
export function tubeMesh(tip, sides) {
  const points = [], normals = [], indices = [];
  for (let j = 0; j <= sides; j++) {
    const angle = (2 * Math.PI * j) / sides, x = Math.cos(angle), y = Math.sin(angle);
    points.push(x, y, 0, tip * x, tip * y, 1);
    normals.push(x, y, 1 - tip, x, y, 1 - tip);
    if (j < sides) indices.push(2 * j, 2 * j + 2, 2 * j + 1, 2 * j + 1, 2 * j + 2, 2 * j + 3);
  }
  if (tip < 1) addDisc(points, normals, indices, sides);
  return { points: new Float32Array(points), normals: new Float32Array(normals), indices: new Uint16Array(indices) };
}

function addDisc(points, normals, indices, sides) {
  const middle = points.length / 3;
  points.push(0, 0, 0);
  normals.push(0, 0, -1);
  for (let j = 0; j <= sides; j++) {
    const angle = (2 * Math.PI * j) / sides;
    points.push(Math.cos(angle), Math.sin(angle), 0);
    normals.push(0, 0, -1);
    if (j < sides) indices.push(middle, middle + j + 2, middle + j + 1);
  }
}
