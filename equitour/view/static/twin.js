import { element } from "./solid.js";

const MOST = 60;
const fixed = (values, digits = 3) => [...values].map((value) => value.toFixed(digits)).join(", ");
export const short = (value) => String(+value.toPrecision(4));
export const upTo = (count) => Array.from({ length: Math.min(count, MOST) }, (_, i) => i);

// What each kind of panel shows at this frame, as a header and rows of text: the twins of words.py.
export const TABLES = {
  structure(spec, k) {
    const [start, stop] = spec.offsets.subarray(k, k + 2);
    const fields = ["vectors", "tensors", "scalars"].flatMap((kind) => spec[kind].map((one) => ({ ...one, size: (3 * one.values.length) / spec.positions.length })));
    const head = ["atom", "element", "x (Å)", "y (Å)", "z (Å)", ...fields.map(({ name }) => name)];
    const row = (i) => [i, spec.elements[spec.numbers[start + i]].symbol, ...[0, 1, 2].map((x) => spec.positions[3 * (start + i) + x].toFixed(3)),
      ...fields.map(({ values, size }) => [...values.subarray(size * (start + i), size * (start + i + 1))].map(short).join(", "))];
    return [head, upTo(stop - start).map(row), stop - start];
  },
  harmonics(spec, k) {
    const width = (spec.lmax + 1) ** 2, values = spec.values.subarray(k * width, (k + 1) * width);
    const degrees = Array.from({ length: spec.lmax + 1 }, (_, l) => [l, values.subarray(l * l, (l + 1) ** 2)]);
    return [["l", "norm", "components, m = \u2212l to l"], degrees.map(([l, part]) => [l, Math.hypot(...part).toFixed(4), fixed(part)])];
  },
  matrix(spec, k) {
    const [rows, columns] = spec.shape, start = k * rows * columns;
    const head = ["row", ...(spec.columns || Array.from({ length: columns }, (_, j) => j))];
    const row = (i) => [spec.rows ? spec.rows[i] : i, ...Array.from(spec.values.subarray(start + i * columns, start + (i + 1) * columns), (value) => value.toFixed(3))];
    return [head, upTo(rows).map(row), rows];
  },
  bars(spec, k) {
    const row = (i) => [spec.labels ? spec.labels[i] : i, spec.values[k * spec.count + i].toFixed(4), spec.values[i].toFixed(4)];
    return [["bar", "value", "first frame"], upTo(spec.count).map(row), spec.count];
  },
  curve(spec, k) {
    const { x, series, moving } = spec, every = Math.max(1, Math.ceil(x.length / MOST));
    const chosen = moving ? [k] : Array.from(x.keys()).filter((i) => i % every === 0);
    const value = (values, i) => short(values[(values.length > x.length ? k * x.length : 0) + i]);
    return [[spec.xlabel || "x", ...series.map(({ name }) => name)], chosen.map((i) => [short(x[i]), ...series.map(({ values }) => value(values, i))])];
  },
  points(spec, k) {
    const head = ["point", "group", spec.labels[0] || "x", spec.labels[1] || "y"];
    const row = (i) => [i, spec.names[spec.group[i]], ...[0, 1].map((x) => short(spec.points[2 * (k * spec.count + i) + x]))];
    return [head, upTo(spec.count).map(row), spec.count];
  },
};

// The details element under a figure; its tables are written only while it is open.
export class Words {
  constructor(panels, index) {
    this.panels = panels;
    this.index = index;
    this.node = element("details", "eq-words");
    this.node.append(element("summary", "", "In words and numbers"), (this.body = element("div", "")));
    this.node.addEventListener("toggle", () => this.write());
  }

  write() {
    if (!this.node.open) return;
    this.body.replaceChildren(...this.panels.map((spec) => section(spec, Math.min(this.index(), spec.frames - 1))));
  }
}

function section(spec, k) {
  const [head, rows, all = rows.length] = TABLES[spec.kind](spec, k);
  const box = element("section", ""), table = element("table", "");
  if (spec.title) box.append(element("h4", "", spec.title));
  box.append(element("p", "", spec.alt));
  const line = (cells, tag) => { const row = element("tr", ""); row.append(...cells.map((cell) => element(tag, "", cell))); return row; };
  table.append(line(head, "th"), ...rows.map((row) => line(row, "td")));
  const frame = element("div", "eq-table");
  frame.append(table);
  box.append(frame);
  if (all > rows.length) box.append(element("p", "", `… and ${all - rows.length} more rows.`));
  return box;
}
