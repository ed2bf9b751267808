import { css, CYCLE, mix, NEGATIVE, POSITIVE } from "./colour.js";
import { cross, unit } from "./geometry.js";

const TWIST = CYCLE[4];

// Ellipsoids, glyphs and axial arrows of one set of tensors.
export function addTensors(panel, { axes, scale, shape, axial, axial_scale: long }, start, atoms) {
  const width = axes.length / (panel.spec.positions.length / 3);
  atoms.forEach(({ at }, i) => {
    const c = Array.from(axes.subarray(width * (start + i), width * (start + i + 1)), (value) => value * scale);
    const rows = [c.slice(0, 3), c.slice(3, 6), c.slice(6, 9)];
    if (shape === "cubic") panel.lists.veil.add(...rows, at, [c[9], 0, 0]);
    else panel.lists.veil.add(...rows, at, POSITIVE, NEGATIVE);
    if (axial) twist(panel, at, Array.from(axial.subarray(3 * (start + i), 3 * (start + i + 1)), (value) => value * long));
  });
}

// An axial vector: an arrow with a ring that turns the way of a right-handed screw.
function twist(panel, at, axis) {
  const length = Math.hypot(...axis), { rods, cones } = panel.lists;
  if (length < 0.05) return;
  panel.arrow(at, axis, TWIST);
  const z = unit(axis), x = unit(cross(z, Math.abs(z[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0])), y = cross(z, x);
  const radius = Math.min(0.26, 0.3 * length), centre = mix(at, [0, 1, 2].map((i) => at[i] + axis[i]), Math.max(0.3, 1 - 0.62 / length));
  const on = (angle) => centre.map((value, i) => value + radius * (Math.cos(angle) * x[i] + Math.sin(angle) * y[i]));
  for (let step = 0; step < 12; step++) rods.rod(on(0.42 * step), on(0.42 * (step + 1)), 0.032, TWIST);
  cones.rod(on(5.04), on(5.04 + Math.min(0.9, 0.2 / radius)), 0.09, TWIST);
}

export function tensorChips({ name, axial, times }, chip) {
  chip(POSITIVE, `${name} > 0`);
  const dark = css(NEGATIVE.map((value) => 0.45 * value));
  chip(NEGATIVE, "< 0").firstChild.style.background = `repeating-linear-gradient(0deg, ${css(NEGATIVE)} 0 3px, ${dark} 3px 5px)`;
  if (axial) chip(TWIST, `antisymmetric part \u00d7 ${times}`);
}

// How long a round number of the tensor's unit is drawn, at the middle of the picture.
export function scaleBar(panel, { length, text }, theme) {
  const long = length * panel.at(panel.centre).scale, x = panel.width - 14, y = panel.height - 14, c = panel.context;
  c.strokeStyle = css(theme.ink, 0.8);
  c.lineWidth = 1.5;
  c.beginPath();
  [[x - long, y - 4], [x - long, y], [x, y], [x, y - 4]].forEach(([px, py], i) => (i ? c.lineTo(px, py) : c.moveTo(px, py)));
  c.stroke();
  panel.write(text, x - long / 2, y - 12, theme, 11);
}
