// Orthonormal real spherical harmonics at unit directions, in e3nn's order and with its polar axis y.
// Returns (directions, (lmax + 1)^2), row after row. Recursions for the Legendre part, without the Condon-Shortley phase.
export function harmonicBasis(directions, lmax) {
  const count = directions.length / 3, width = (lmax + 1) ** 2;
  const out = new Float32Array(count * width);
  for (let k = 0; k < count; k++) {
    const [x, y, z] = directions.subarray(3 * k, 3 * k + 3);
    fillDirection(out, k * width, lmax, x, y, z);
  }
  return out;
}

// P holds Legendre functions divided by sin^m, normalised on the sphere; (c, s) are the real and imaginary part of (z + i x)^m.
function fillDirection(out, start, lmax, x, y, z) {
  let c = 1, s = 0, diagonal = Math.sqrt(1 / (4 * Math.PI));
  for (let m = 0; m <= lmax; m++) {
    if (m > 0) {
      [c, s] = [c * z - s * x, c * x + s * z];
      diagonal *= Math.sqrt((2 * m + 1) / (2 * m));
    }
    let before = 0, now = diagonal;
    for (let l = m; l <= lmax; l++) {
      const factor = m === 0 ? 1 : Math.SQRT2;
      out[start + l * l + l + m] = factor * now * c;
      if (m > 0) out[start + l * l + l - m] = factor * now * s;
      const a = Math.sqrt((4 * (l + 1) ** 2 - 1) / ((l + 1) ** 2 - m * m));
      const b = Math.sqrt((l * l - m * m) / (4 * l * l - 1));
      [before, now] = [now, a * (y * now - (l > m ? b : 0) * before)];
    }
  }
}
