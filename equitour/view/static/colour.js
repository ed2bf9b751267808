// Filled in by Python from style.py, so that pictures of both kinds share one palette.
const COLOURS = "__COLOURS__";
export const CYCLE = COLOURS.cycle;
export const POSITIVE = CYCLE[0];
export const NEGATIVE = CYCLE[1];

// Colour at place t between 0 and 1 of a colour map.
export function sample(stops, t) {
  const place = Math.max(0, Math.min(1, t)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(place));
  return mix(stops[i], stops[i + 1], place - i);
}

export const mix = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);

export const css = (colour, alpha = 1) =>
  `rgba(${colour.map((value) => Math.round(255 * value)).join(",")},${alpha})`;

// Diverging where the values have both signs, cividis where they have one.
// On a dark page the middle of the diverging map is dark, so that zero recedes on both.
export function colourMap(signed, theme) {
  if (!signed) return COLOURS.cividis;
  if (!theme.dark) return COLOURS.diverging;
  const stops = COLOURS.diverging;
  return [stops[1], mix(stops[1], theme.paper, 0.45), theme.paper.map((value) => value + 0.07), mix(stops[5], theme.paper, 0.45), stops[4]];
}

export const gradient = (stops) => `linear-gradient(90deg,${stops.map((stop) => css(stop)).join(",")})`;

function parse(text) {
  const numbers = (text.match(/[\d.]+/g) || []).map(Number);
  const unit = text.startsWith("color(") ? 1 : 255;
  return { colour: numbers.slice(0, 3).map((value) => value / unit), alpha: numbers[3] ?? 1 };
}

const brightness = (colour) => 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2];

// Ink is the text colour of the page around us; paper is the first solid background behind us.
export function readTheme(element) {
  const ink = parse(getComputedStyle(element).color).colour;
  const dark = brightness(ink) > 0.5;
  let paper = dark ? [0.07, 0.07, 0.08] : [1, 1, 1];
  for (let node = element; node; node = node.parentElement) {
    const found = parse(getComputedStyle(node).backgroundColor);
    if (found.alpha > 0.9 && found.colour.length === 3) { paper = found.colour; break; }
  }
  return { ink, paper, dark };
}
