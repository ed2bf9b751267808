import { colourMap, css, gradient, mix, sample } from "./colour.js";
import { element, Solid } from "./solid.js";
import { Instances } from "./stage.js";
import { addTensors, scaleBar, tensorChips } from "./tensors.js";

const AXES = [[0.835, 0.369, 0], [0, 0.62, 0.45], [0, 0.447, 0.698]];
const MANY = 400;
const MARKS = { ellipsoid: 2, glyph: 4, cubic: 5 };
// Atoms are lit bodies: the light colour map shows them on dark pages too.
const LIT = { dark: false };

// Atoms, bonds, cell and images; arrows, ellipsoids and colours that the atoms carry.
export class Structure extends Solid {
  constructor(spec, figure, host) {
    super(spec, figure, host);
    this.lists = { balls: new Instances(), rods: new Instances(), cones: new Instances(), veil: new Instances() };
    this.images = imagesOf(spec.images);
    this.chosen = -1;
    if (spec.look && !this.camera.home) { this.camera.home = spec.look; this.camera.reset(); }
    this.legend = legend(spec);
    figure.append(this.legend);
  }

  range(k) { return [this.spec.offsets[k], this.spec.offsets[k + 1]]; }

  numberOf(k, i) {
    const { numbers, offsets } = this.spec;
    return numbers[offsets[k] + i];
  }

  kindOf(k, i) { return this.spec.elements[this.numberOf(k, i)]; }

  position(k, i) { return triple(this.spec.positions, this.spec.offsets[k] + i); }

  cell(k) {
    const { cell } = this.spec;
    if (!cell) return null;
    const at = cell.length > 9 ? 3 * k : 0;
    return [triple(cell, at), triple(cell, at + 1), triple(cell, at + 2)];
  }

  colour(k, i) {
    const [scalar] = this.spec.scalars;
    if (!scalar) return this.kindOf(k, i).colour;
    const [low, high] = scalar.limits;
    return sample(colourMap(scalar.signed, LIT), (scalar.values[this.spec.offsets[k] + i] - low) / (high - low));
  }

  paint(k, theme) {
    const { balls, rods, cones, veil } = this.lists, built = this.stamp(k, theme);
    // While the reader only turns it, a crystal of many thousand atoms need not be put together anew.
    if (built !== this.built) this.assemble(k, theme);
    this.built = built;
    const mesh = this.stage.meshes[balls.count > MANY ? "coarse" : "fine"];
    this.stage.balls(mesh.disc, balls);
    this.stage.draw(mesh.tube, rods, { mode: 1 });
    this.stage.draw(mesh.cone, cones);
    if (!veil.count) return;
    // Veils lie on a sheet of their own: only the nearest layer is seen, nothing need be sorted, and atoms shine through.
    const { width, height } = this.canvas, globe = this.stage.meshes[veil.count > 6 ? "coarse" : "fine"].globe;
    this.stage.copyTo(this.context, width, height);
    this.stage.wipe();
    for (const { shape } of this.spec.tensors) this.stage.draw(globe, veil, { mode: MARKS[shape], veil: theme.dark ? 0.85 : 0.7 });
  }

  stamp(k, theme) { return `${k} ${theme.paper}`; }

  assemble(k, theme) {
    const { balls } = this.lists;
    Object.values(this.lists).forEach((list) => list.clear());
    const [start, stop] = this.range(k), count = stop - start, cell = this.cell(k);
    this.nameElements(start, stop);
    const atoms = Array.from({ length: count }, (_, i) => ({ at: this.position(k, i), radius: this.kindOf(k, i).radius, colour: this.colour(k, i) }));
    for (const image of this.images) {
      const shift = combine(cell, image), home = !image.some(Boolean);
      for (const atom of atoms) balls.ball(add(atom.at, shift), this.spec.tensors.length ? 0.6 * atom.radius : atom.radius, home ? atom.colour : mix(atom.colour, theme.paper, 0.35));
    }
    this.addBonds(k, atoms, cell, theme);
    this.addArrows(start, atoms);
    for (const one of this.spec.tensors) addTensors(this, one, start, atoms);
    if (cell) this.addCell(cell, theme);
  }

  // The frames may be different structures: the legend names what this one holds.
  nameElements(start, stop) {
    const here = new Set(this.spec.numbers.subarray(start, stop));
    for (const chip of this.legend.children) if (chip.dataset.number) chip.style.display = here.has(+chip.dataset.number) ? "" : "none";
  }

  // A bond whose far end is not shown reaches half way out of the picture, as the crystal goes on.
  addBonds(k, atoms, cell, theme) {
    const { bonds, bond_offsets: offsets } = this.spec;
    const set = offsets.length > 2 ? k : 0;
    const shown = (image) => image.every((value, axis) => value >= 0 && value < this.spec.images[axis]);
    const thin = atoms.length > MANY ? 0.08 : 0.1;
    for (let b = 5 * offsets[set]; b < 5 * offsets[set + 1]; b += 5) {
      const [i, j] = bonds.subarray(b, b + 2), jump = [...bonds.subarray(b + 2, b + 5)];
      const from = atoms[i], to = atoms[j], step = combine(cell, jump);
      for (const image of this.images) {
        const shift = combine(cell, image), pale = image.some(Boolean) ? 0.35 : 0;
        const [a, c] = [mix(from.colour, theme.paper, pale), mix(to.colour, theme.paper, pale)];
        const near = add(from.at, shift), far = add(add(to.at, shift), step);
        if (shown(add(image, jump))) this.lists.rods.rod(near, far, thin, a, c);
        else this.lists.rods.rod(near, mix(near, far, 0.5), thin, a, a);
        const back = add(image, jump.map((value) => -value));
        if (shown(back)) continue;
        const end = add(to.at, shift), origin = add(add(from.at, shift), step.map((value) => -value));
        this.lists.rods.rod(end, mix(end, origin, 0.5), thin, c, c);
      }
    }
  }

  addArrows(start, atoms) {
    for (const { values, scale, colour } of this.spec.vectors) {
      atoms.forEach(({ at }, i) => this.arrow(at, triple(values, start + i).map((value) => value * scale), colour));
    }
  }

  arrow(at, arrow, colour) {
    const length = Math.hypot(...arrow);
    if (length < 0.02) return;
    const tip = add(at, arrow), head = Math.min(0.38, 0.5 * length), neck = mix(at, tip, 1 - head / length);
    this.lists.rods.rod(at, neck, 0.065, colour);
    this.lists.cones.rod(neck, tip, Math.min(0.17, 0.35 * length), colour);
  }

  addCell(cell, theme) {
    const size = this.spec.images, quiet = mix(theme.paper, theme.ink, 0.45);
    for (const corner of imagesOf([2, 2, 2])) {
      for (let axis = 0; axis < 3; axis++) {
        if (corner[axis]) continue;
        const reach = corner.map((value, i) => value * size[i]), from = combine(cell, reach);
        const to = add(from, cell[axis].map((value) => value * size[axis]));
        const own = !corner.some(Boolean);
        this.lists.rods.rod(from, to, own ? 0.05 : 0.028, own ? AXES[axis] : quiet);
      }
    }
  }

  overlay(k, theme) {
    const cell = this.cell(k);
    if (cell) {
      cell.forEach((axis, i) => {
        const end = axis.map((value) => value * this.spec.images[i]), long = Math.hypot(...end) || 1;
        const { x, y } = this.at(end.map((value) => value * (1 + 0.45 / long)));
        this.write("abc"[i], x, y, theme, 13);
      });
    }
    for (const one of this.spec.tensors) scaleBar(this, one.bar, theme);
    this.drawChoice(k, theme);
  }

  drawChoice(k, theme) {
    const [start, stop] = this.range(k);
    if (this.chosen < 0 || this.chosen >= stop - start) return this.say("");
    const { x, y, scale } = this.at(this.position(k, this.chosen)), c = this.context;
    c.beginPath();
    c.arc(x, y, this.kindOf(k, this.chosen).radius * scale + 4, 0, 7);
    c.lineWidth = 2.5;
    c.strokeStyle = css(theme.dark ? [1, 0.78, 0.2] : [0.8, 0.1, 0.35]);
    c.stroke();
    this.say(this.describe(k, this.chosen));
  }

  // One atom in words: its place and what it carries.
  describe(k, i) {
    const numbers = (values) => [...values].map((value) => value.toFixed(3)).join(", ");
    const parts = [`${this.kindOf(k, i).symbol} ${i} at (${numbers(this.position(k, i))}) Å`];
    for (const kind of ["vectors", "tensors", "scalars"]) {
      for (const { name, values } of this.spec[kind]) {
        const size = (3 * values.length) / this.spec.positions.length, at = size * (this.spec.offsets[k] + i);
        parts.push(`${name}: ${numbers(values.subarray(at, at + size))}`);
      }
    }
    return parts.join("; ");
  }

  pick(x, y) {
    const k = this.frameOf(this.host.index()), [start, stop] = this.range(k);
    let best = -1, depth = Infinity;
    for (let i = 0; i < stop - start; i++) {
      const place = this.at(this.position(k, i)), reach = Math.max(6, this.kindOf(k, i).radius * place.scale + 2);
      if (Math.hypot(place.x - x, place.y - y) < reach && place.depth < depth) [best, depth] = [i, place.depth];
    }
    this.choose(best);
  }

  step(by) {
    const [start, stop] = this.range(this.frameOf(this.host.index()));
    this.choose((this.chosen + by + (this.chosen < 0 && by < 0 ? 1 : 0) + stop - start) % (stop - start));
  }

  choose(atom) {
    this.chosen = atom;
    this.host.redraw();
    this.host.chosen(this, atom);
  }
}

export const triple = (values, i) => [values[3 * i], values[3 * i + 1], values[3 * i + 2]];
export const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const combine = (cell, n) => (cell ? [0, 1, 2].map((x) => n[0] * cell[0][x] + n[1] * cell[1][x] + n[2] * cell[2][x]) : [0, 0, 0]);

function imagesOf([na, nb, nc]) {
  const images = [];
  for (let a = 0; a < na; a++) for (let b = 0; b < nb; b++) for (let c = 0; c < nc; c++) images.push([a, b, c]);
  return images;
}

// Which colour is what: elements, arrows, signs, or a colour bar.
export function legend(spec) {
  const box = element("div", "eq-legend");
  const chip = (colour, text) => {
    const item = element("span", "eq-chip", text), dot = element("i", "");
    dot.style.background = css(colour);
    item.prepend(dot);
    box.append(item);
    return item;
  };
  for (const [number, { symbol, colour }] of spec.scalars.length ? [] : Object.entries(spec.elements)) if (number !== "0") chip(colour, symbol).dataset.number = number;
  spec.vectors.forEach(({ name, colour }) => chip(colour, name));
  spec.tensors.forEach((one) => tensorChips(one, chip));
  spec.scalars.forEach((scalar) => box.append(colourBar({ ...scalar, lit: true })));
  return box;
}

export function colourBar({ name = "", limits, signed, lit }) {
  const box = element("span", "eq-colourbar"), bar = element("i", "");
  const short = (value) => String(+value.toPrecision(3)).replace("-", "\u2212");
  bar.dataset.map = signed ? (lit ? "lit" : "signed") : "plain";
  bar.style.background = gradient(colourMap(signed, LIT));
  box.append(element("span", "", short(limits[0])), bar, element("span", "", short(limits[1])), element("span", "eq-name", name));
  return box;
}
