import { colourMap, css, CYCLE, sample } from "./colour.js";
import { Board, element } from "./solid.js";
import { colourBar } from "./structure.js";

// A panel in the plane. Coordinates are pixels of the page; the canvas is as sharp as the screen.
export class Flat extends Board {
  draw(k, theme) {
    if (!this.fit()) return;
    const c = this.context;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    this.paint(this.frameOf(k), theme);
  }

  text(words, x, y, { align = "center", base = "middle", size = 11, colour, alpha = 0.8, slope = 0 } = {}) {
    const c = this.context;
    c.font = `${size}px system-ui, sans-serif`;
    c.textAlign = align;
    c.textBaseline = base;
    c.fillStyle = css(colour, alpha);
    if (!slope) return c.fillText(words, x, y);
    c.save();
    c.translate(x, y);
    c.rotate(slope);
    c.fillText(words, 0, 0);
    c.restore();
  }

  line(points, colour, width = 1, alpha = 1) {
    const c = this.context;
    c.beginPath();
    points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
    c.strokeStyle = css(colour, alpha);
    c.lineWidth = width;
    c.lineJoin = "round";
    c.stroke();
  }
}

export class Matrix extends Flat {
  constructor(spec, figure) {
    super(spec, figure);
    const box = element("div", "eq-legend");
    box.append(colourBar(spec));
    figure.append(box);
    this.digits = spec.values.every(Number.isInteger) ? 0 : 2;
    this.canvas.addEventListener("pointermove", (event) => this.read(event.offsetX, event.offsetY));
    this.canvas.addEventListener("pointerleave", () => this.say(""));
  }

  layout() {
    const [rows, columns] = this.spec.shape, c = this.context;
    c.font = "11px system-ui, sans-serif";
    const room = (labels) => (labels ? Math.max(...labels.map((label) => c.measureText(label).width)) + 8 : 2);
    const left = Math.min(room(this.spec.rows), 0.4 * this.width), top = this.spec.columns ? 20 : 2;
    const size = Math.min((this.width - left - 2) / columns, (this.height - top - 2) / rows);
    return { size, left: left + (this.width - left - size * columns) / 2, top: top + (this.height - top - size * rows) / 2 };
  }

  paint(k, theme) {
    const [rows, columns] = this.spec.shape, { size, left, top } = this.layout(), c = this.context;
    const map = colourMap(this.spec.signed, theme), [low, high] = this.spec.limits;
    const gap = size > 6 ? 1 : 0, told = size >= 34;
    this.now = { k, size, left, top };
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = this.spec.values[(k * rows + i) * columns + j], colour = sample(map, (value - low) / (high - low));
        c.fillStyle = css(colour);
        c.fillRect(left + j * size, top + i * size, size - gap, size - gap);
        if (told) {
          const bright = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];
          this.text(value.toFixed(this.digits).replace("-", "\u2212"), left + (j + 0.5) * size, top + (i + 0.5) * size, { colour: bright > 0.55 ? [0, 0, 0] : [1, 1, 1], alpha: 0.9 });
        }
      }
    }
    this.frame(theme);
  }

  frame(theme) {
    const { size, left, top } = this.now, { rows, columns, blocks, shape } = this.spec;
    let at = 0;
    for (const block of blocks || []) {
      const x = left + at * size - 0.5, y = top + at * size - 0.5, long = block * size;
      this.line([[x, y], [x + long, y], [x + long, y + long], [x, y + long], [x, y]], theme.ink, 1.25, 0.75);
      at += block;
    }
    rows?.forEach((label, i) => this.text(label, left - 6, top + (i + 0.5) * size, { align: "right", colour: theme.ink }));
    columns?.forEach((label, j) => (size > 12 || shape[1] < 8) && this.text(label, left + (j + 0.5) * size, top - 9, { colour: theme.ink }));
  }

  read(x, y) {
    if (!this.now) return;
    const { k, size, left, top } = this.now, [rows, columns] = this.spec.shape;
    const i = Math.floor((y - top) / size), j = Math.floor((x - left) / size);
    const inside = i >= 0 && i < rows && j >= 0 && j < columns;
    const name = (labels, at) => (labels ? labels[at] : at);
    this.say(inside ? `row ${name(this.spec.rows, i)}, column ${name(this.spec.columns, j)}: ${this.spec.values[(k * rows + i) * columns + j].toFixed(4)}` : "");
  }
}

export class Bars extends Flat {
  paint(k, theme) {
    const { count, values, limits, labels, group } = this.spec, c = this.context;
    const slanted = labels && Math.max(...labels.map((label) => c.measureText(label).width)) > this.width / count - 2;
    const left = 40, right = this.width - 6, top = 10, bottom = this.height - (labels ? (slanted ? 44 : 22) : 10);
    const [low, high] = limits, y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
    for (const tick of niceTicks(low, high, 5)) {
      this.line([[left, y(tick)], [right, y(tick)]], theme.ink, 1, 0.1);
      this.text(tidy(tick), left - 6, y(tick), { align: "right", colour: theme.ink, alpha: 0.65 });
    }
    const wide = (right - left) / count, thick = Math.min(0.72 * wide, 46);
    for (let i = 0; i < count; i++) {
      const x = left + (i + 0.5) * wide, value = values[k * count + i];
      c.fillStyle = css(CYCLE[group[i] % CYCLE.length]);
      const from = y(Math.max(value, 0)), long = Math.max(1, Math.abs(y(value) - y(0)));
      c.beginPath();
      c.roundRect(x - thick / 2, value < 0 ? y(0) : from, thick, long, value < 0 ? [0, 0, 3, 3] : [3, 3, 0, 0]);
      c.fill();
      if (this.spec.frames > 1) this.line([[x - thick / 2 - 2, y(values[i])], [x + thick / 2 + 2, y(values[i])]], theme.ink, 1.5, 0.8);
      if (labels) this.text(labels[i], slanted ? x + 4 : x, bottom + (slanted ? 8 : 12), { colour: theme.ink, align: slanted ? "right" : "center", slope: slanted ? -0.7 : 0 });
    }
    this.line([[left, y(0)], [right, y(0)]], theme.ink, 1, 0.5);
  }
}

// Round numbers between two ends.
export function niceTicks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((value) => value >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + 1e-9 * step; tick += step) ticks.push(Math.abs(tick) < 1e-9 * step ? 0 : tick);
  return ticks;
}

export const tidy = (value) => String(+value.toPrecision(4)).replace("-", "\u2212");
