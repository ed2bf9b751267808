import { colourMap, css, CYCLE, sample } from "./colour.js";
import { Flat, niceTicks, tidy } from "./flat.js";
import { element } from "./solid.js";
import { colourBar } from "./structure.js";

// Axes with room for their words; `place` takes data to pixels.
export class Chart extends Flat {
  axes([left, right, bottom, top], [xlabel, ylabel], theme, square = false) {
    const box = { left: 46 + (ylabel ? 14 : 0), right: this.width - 10, top: 8, bottom: this.height - 24 - (xlabel ? 16 : 0) };
    let spanX = right - left || 1, spanY = top - bottom || 1;
    const middleX = (left + right) / 2, middleY = (top + bottom) / 2, wide = box.right - box.left, high = box.bottom - box.top;
    if (square) { const unit = Math.max(spanX / wide, spanY / high); spanX = unit * wide; spanY = unit * high; }
    spanX *= 1.06;
    spanY *= 1.08;
    const x = (value) => box.left + ((value - middleX) / spanX + 0.5) * wide, y = (value) => box.bottom - ((value - middleY) / spanY + 0.5) * high;
    for (const tick of niceTicks(middleY - spanY / 2, middleY + spanY / 2, 5)) {
      this.line([[box.left, y(tick)], [box.right, y(tick)]], theme.ink, 1, tick === 0 ? 0.35 : 0.1);
      this.text(tidy(tick), box.left - 6, y(tick), { align: "right", colour: theme.ink, alpha: 0.65 });
    }
    for (const tick of niceTicks(middleX - spanX / 2, middleX + spanX / 2, Math.max(3, Math.floor(wide / 60)))) {
      this.line([[x(tick), box.top], [x(tick), box.bottom]], theme.ink, 1, 0.06);
      this.text(tidy(tick), x(tick), box.bottom + 11, { colour: theme.ink, alpha: 0.65 });
    }
    if (xlabel) this.text(xlabel, (box.left + box.right) / 2, this.height - 8, { colour: theme.ink });
    if (ylabel) this.text(ylabel, 9, (box.top + box.bottom) / 2, { colour: theme.ink, slope: -Math.PI / 2 });
    return (a, b) => [x(a), y(b)];
  }
}

export class Curve extends Chart {
  constructor(spec, figure) {
    super(spec, figure);
    if (spec.named) figure.append(nameChips(spec.series.map(({ name }) => name)));
  }

  paint(k, theme) {
    const { x, series, limits, xlabel, ylabel, moving } = this.spec, c = this.context;
    const place = this.axes(limits, [xlabel, ylabel], theme);
    series.forEach(({ values }, s) => {
      const own = values.length > x.length ? k * x.length : 0, colour = CYCLE[s % CYCLE.length];
      this.line(Array.from(x, (value, i) => place(value, values[own + i])), colour, 2);
      if (!moving) return;
      const [px, py] = place(x[k], values[k]);
      c.beginPath();
      c.arc(px, py, 5.5, 0, 7);
      c.fillStyle = css(colour);
      c.fill();
      c.lineWidth = 2;
      c.strokeStyle = css(theme.paper);
      c.stroke();
    });
    if (moving) this.line([place(x[k], limits[2]), place(x[k], limits[3])], theme.ink, 1, 0.25);
  }
}

// Each group has its colour and its shape, so that colour alone never carries the meaning.
const SHAPES = [
  (c, x, y, r) => c.arc(x, y, r, 0, 7),
  (c, x, y, r) => c.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r),
  (c, x, y, r) => { c.moveTo(x, y - 1.2 * r); c.lineTo(x + 1.1 * r, y + 0.8 * r); c.lineTo(x - 1.1 * r, y + 0.8 * r); c.closePath(); },
  (c, x, y, r) => { c.moveTo(x, y - 1.3 * r); c.lineTo(x + 1.1 * r, y); c.lineTo(x, y + 1.3 * r); c.lineTo(x - 1.1 * r, y); c.closePath(); },
];

// The same shapes as letters, for the legend.
const GLYPHS = ["\u25cf", "\u25a0", "\u25b2", "\u25c6"];

export class Points extends Chart {
  constructor(spec, figure) {
    super(spec, figure);
    if (spec.scalars) {
      const box = element("div", "eq-legend");
      box.append(colourBar({ limits: spec.colour_limits, signed: spec.signed }));
      figure.append(box);
    } else if (spec.names.length > 1) figure.append(nameChips(spec.names, GLYPHS));
  }

  paint(k, theme) {
    const { points, count, group, lines, limits, labels, scalars, signed } = this.spec, c = this.context;
    const place = this.axes(limits, labels, theme, true), radius = count > 400 ? 2 : count > 80 ? 3 : 4.5;
    const map = colourMap(signed, theme), [low, high] = this.spec.colour_limits || [0, 1];
    for (const line of lines) this.line(Array.from({ length: line.length / 2 }, (_, i) => place(line[2 * i], line[2 * i + 1])), theme.ink, 1.5, 0.5);
    const shift = scalars && scalars.length > count ? k * count : 0;
    for (let i = 0; i < count; i++) {
      const at = 2 * (k * count + i), [x, y] = place(points[at], points[at + 1]);
      c.beginPath();
      SHAPES[group[i] % SHAPES.length](c, x, y, radius);
      c.fillStyle = css(scalars ? sample(map, (scalars[shift + i] - low) / (high - low)) : CYCLE[group[i] % CYCLE.length], 0.9);
      c.fill();
      if (radius > 2) { c.lineWidth = 0.75; c.strokeStyle = css(theme.paper, 0.8); c.stroke(); }
    }
  }
}

export function nameChips(names, glyphs, colours = CYCLE) {
  const box = element("div", "eq-legend");
  names.forEach((name, i) => {
    const chip = element("span", "eq-chip", name), dot = element("i", "");
    if (glyphs) Object.assign(dot, { className: "eq-glyph", textContent: glyphs[i % glyphs.length] });
    dot.style[glyphs ? "color" : "background"] = css(colours[i % colours.length]);
    chip.prepend(dot);
    box.append(chip);
  });
  return box;
}
