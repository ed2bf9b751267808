import { Chart, nameChips } from "./charts.js";
import { css, CYCLE } from "./colour.js";
import { niceTicks, tidy } from "./flat.js";
import { KINDS } from "./linked.js";
import { short, TABLES, upTo } from "./twin.js";

// Colours that stand out on light and dark paper alike; a dash tells the curves apart as well.
const INKS = [0, 3, 2, 4].map((i) => CYCLE[i]), DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
const STROKES = ["\u2501\u2501", "\u2501 \u2501", "\u2505\u2505", "\u2501\u00b7\u2501"];

// Spectra above each other over one axis of wavenumbers; a click or an arrow key chooses the mode for all panels.
class Spectrum extends Chart {
  constructor(spec, figure, host) {
    super(spec, figure);
    this.host = host;
    host.hint = "Click a peak, or arrow keys on the spectrum: choose a mode. Space: move and pause. ";
    figure.dataset.rows = Math.min(2, spec.rows.length);
    if (spec.legend.length > 1) figure.append(nameChips(spec.legend, STROKES, INKS));
    this.order = Array.from(spec.x.keys()).sort((a, b) => spec.x[a] - spec.x[b]);
    this.shares = spec.rows.map(({ curves }) => Math.max(1e-30, ...curves.map(({ values }) => values.reduce((a, b) => Math.max(a, b), 0))));
    const { canvas } = this;
    canvas.tabIndex = 0;
    Object.entries({ role: "slider", "aria-valuemin": 0, "aria-valuemax": spec.frames - 1 }).forEach(([name, value]) => canvas.setAttribute(name, value));
    canvas.addEventListener("click", (event) => this.take(event.offsetX, event.offsetY));
    canvas.addEventListener("pointermove", (event) => { this.over = this.near(event.offsetX, event.offsetY)[0]; this.tell(); });
    canvas.addEventListener("pointerleave", () => { this.over = undefined; this.tell(); });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const at = this.order.indexOf(this.now), last = this.order.length - 1;
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (to === undefined && event.key !== " ")) return;
    event.preventDefault();
    if (to === undefined) this.host.motion?.toggle();
    else if (this.order[to] !== undefined) this.host.go(this.order[to]);
  }

  // Modes under the pointer, the strongest of this row first.
  near(px, py) {
    const { x, rows } = this.spec, away = (i) => Math.abs(this.x(x[i]) - px);
    const { heights } = rows[Math.max(0, Math.min(rows.length - 1, Math.floor((py - this.top) / this.high)))];
    const closest = Math.min(...this.order.map(away));
    return closest > 30 ? [] : this.order.filter((i) => away(i) < closest + 5).sort((a, b) => heights[b] - heights[a]);
  }

  // A second click on the same peak goes on to the mode behind it.
  take(px, py) {
    const found = this.near(px, py), at = found.indexOf(this.now);
    if (found.length) this.host.go(found[(at + 1) % found.length]);
  }

  words(i) { return [this.spec.labels[i], ...this.spec.rows.map(({ name, unit, heights }) => `${name} ${short(heights[i])} ${unit}`.trim())].join(", "); }

  tell() { this.say(this.words(this.over ?? this.now)); }

  paint(k, theme) {
    const { rows, limits: [low, high] } = this.spec, left = 46, right = this.width - 8;
    this.now = k;
    this.top = 30;
    this.high = (this.height - this.top - 40) / rows.length;
    this.x = (value) => left + ((value - low) / (high - low)) * (right - left);
    const foot = this.top + this.high * rows.length, chosen = theme.dark ? [1, 0.78, 0.2] : [0.8, 0.1, 0.35];
    for (const tick of niceTicks(low, high, Math.max(3, Math.floor((right - left) / 60)))) {
      this.line([[this.x(tick), this.top], [this.x(tick), foot]], theme.ink, 1, 0.06);
      this.text(tidy(tick), this.x(tick), foot + 12, { colour: theme.ink, alpha: 0.75 });
    }
    this.text("wavenumber (cm\u207b\u00b9)", (left + right) / 2, this.height - 8, { colour: theme.ink });
    rows.forEach((row, r) => this.row(row, r, [left, right], theme, chosen));
    Object.entries({ "aria-valuenow": k, "aria-valuetext": this.words(k) }).forEach(([name, value]) => this.canvas.setAttribute(name, value));
    this.tell();
  }

  row({ name, unit, heights, top, curves }, r, [left, right], theme, chosen) {
    const base = this.top + (r + 1) * this.high - 8, y = (share) => base - share * (this.high - 30), c = this.context;
    for (const tick of niceTicks(0, top, 3)) {
      this.line([[left, y(tick / top)], [right, y(tick / top)]], theme.ink, 1, tick ? 0.1 : 0.5);
      this.text(tidy(tick), left - 6, y(tick / top), { align: "right", colour: theme.ink, alpha: 0.75 });
    }
    // Nothing but the row's name enters its strip on top, and the name stands on the side away from the tallest peak.
    const words = unit ? `${name} (${unit})` : name, at = this.x(this.spec.x[heights.indexOf(Math.max(...heights))]);
    const aside = right - at < 8 * words.length;
    this.text(words, aside ? left + 4 : right, base - this.high + 16, { align: aside ? "left" : "right", colour: theme.ink, alpha: 0.9 });
    this.line([[this.x(this.spec.x[this.now]), base - this.high + 24], [this.x(this.spec.x[this.now]), base + 5]], chosen, 1.25, 0.55);
    curves.forEach(({ style, values }) => this.curve(style, values, (value) => y(value / this.shares[r]), base));
    const stick = (i, colour, wide, alpha) => {
      const x = this.x(this.spec.x[i]), tip = y(Math.max(0, heights[i]) / top);
      // A short foot marks the silent modes too, so that they can be found and chosen.
      this.line([[x, base + 5], [x, tip]], colour, wide, alpha);
      return [x, tip];
    };
    for (const i of this.order) if (i !== this.now) stick(i, theme.ink, 1.5, 0.7);
    const tip = stick(this.now, chosen, 3, 1);
    c.beginPath();
    c.arc(...tip, 4.5, 0, 7);
    c.fillStyle = css(chosen);
    c.fill();
  }

  curve(style, values, y, base) {
    const c = this.context, { grid } = this.spec, ink = INKS[style % INKS.length];
    const points = Array.from(grid, (value, i) => [this.x(value), y(values[i])]);
    if (!style) {
      c.beginPath();
      c.moveTo(points[0][0], base);
      points.forEach(([px, py]) => c.lineTo(px, py));
      c.lineTo(points[points.length - 1][0], base);
      c.fillStyle = css(ink, 0.16);
      c.fill();
    }
    c.setLineDash(DASHES[style % DASHES.length]);
    this.line(points, ink, 2);
    c.setLineDash([]);
  }
}

KINDS.spectrum = Spectrum;

TABLES.spectrum = ({ rows, labels }) => {
  const row = (i) => [i, labels[i], ...rows.map(({ heights }) => short(heights[i]))];
  return [["mode", "frequency", ...rows.map(({ name, unit }) => (unit ? `${name} (${unit})` : name))], upTo(labels.length).map(row), labels.length];
};
