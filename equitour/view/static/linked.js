import { Curve, Points } from "./charts.js";
import { decode } from "./codec.js";
import { colourMap, gradient, readTheme } from "./colour.js";
import { Bars, Matrix } from "./flat.js";
import { element } from "./solid.js";
import { Slider } from "./slider.js";
import { sharedStage } from "./stage.js";
import { Structure } from "./structure.js";
import { Surface } from "./surface.js";
import { Words } from "./twin.js";

export const KINDS = { structure: Structure, harmonics: Surface, matrix: Matrix, bars: Bars, curve: Curve, points: Points };
const HINT = "Drag or arrow keys: turn. Ctrl and wheel, + or \u2212: zoom. 0: back. Click, or n and p: read an atom.";

// One figure: a slider, its panels, and the same in words.
export class Figure {
  constructor(host, spec, { moved = () => {}, chosen = () => {} } = {}) {
    addStyle();
    this.spec = decode(spec);
    this.root = element("div", "equitour");
    this.root.dataset.lmSuppressShortcuts = "true";
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
    host.replaceChildren(this.root);
    this.slider = new Slider(this.spec, () => { this.draw(); moved(this.index); });
    if (this.spec.labels.length > 1) this.root.append(this.slider.node);
    else if (this.spec.title) this.root.append(element("div", "eq-title", this.spec.title));
    this.words = new Words(this.spec.panels, () => this.index);
    this.build(chosen);
    this.root.figure = this;
    watchPage();
    this.sizes = new ResizeObserver(() => this.refresh());
    this.sizes.observe(this.root);
    this.refresh();
  }

  get index() { return this.slider.index; }

  set index(value) { if (value !== this.index) { this.slider.index = value; this.draw(); } }

  build(chosen) {
    const row = (this.row = element("div", "eq-panels")), hint = element("p", "eq-hint", HINT);
    hint.id = `eq-hint-${Math.random().toString(36).slice(2)}`;
    const host = { hintId: hint.id, redraw: () => this.later(), index: () => this.index, openWords: () => { this.words.node.open = true; } };
    host.chosen = (panel, atom) => chosen(this.panels.indexOf(panel), atom);
    host.go = (index) => { this.slider.stop(); this.slider.index = index; this.slider.moved(); };
    this.host = host;
    this.panels = this.spec.panels.map((spec) => {
      const card = element("figure", `eq-panel eq-${spec.kind}`);
      if (spec.title) card.append(element("figcaption", "", spec.title));
      row.append(card);
      return new KINDS[spec.kind](spec, card, host);
    });
    this.root.append(row);
    if (host.hint) hint.prepend(host.hint);
    if (host.camera) this.root.append(hint);
    if (host.motion) this.slider.button.remove();
    this.root.append(this.words.node);
  }

  // As many columns as fit, and rows that are evenly filled.
  arrange() {
    const count = this.panels.length, most = Math.max(1, Math.floor((this.root.clientWidth + 12) / 236));
    const columns = count <= most ? count : Math.ceil(count / Math.ceil(count / most));
    this.row.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    this.row.dataset.alone = count === 1 ? "1" : "";
  }

  refresh() {
    this.theme = readTheme(this.root);
    this.root.dataset.theme = this.theme.dark ? "dark" : "light";
    this.root.querySelectorAll(".eq-colourbar [data-map=signed]").forEach((bar) => { bar.style.background = gradient(colourMap(true, this.theme)); });
    this.arrange();
    this.draw();
  }

  later() { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); }); }

  draw() {
    for (const panel of this.panels) panel.draw(this.index, this.theme);
    this.words.write();
  }

  destroy() {
    this.slider.stop();
    this.sizes.disconnect();
  }
}

// One watcher a page redraws all figures when the theme of the page or of the system changes, or when the lost context is back.
// It looks the figures up, so that one that a notebook has thrown away is not kept in memory.
function watchPage() {
  const key = Symbol.for("equitour.watch.__VERSION__");
  if (globalThis[key]) return;
  const refresh = () => document.querySelectorAll(".equitour").forEach((root) => root.figure?.refresh());
  const watch = (globalThis[key] = new MutationObserver(refresh));
  for (const node of [document.documentElement, document.body]) watch.observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
  sharedStage().restored = refresh;
}

function addStyle() {
  const id = "equitour-style-__VERSION__";
  if (document.getElementById(id)) return;
  const sheet = element("style", "", "__STYLE_SHEET__");
  sheet.id = id;
  document.head.append(sheet);
}

// The plain page: every element with this mark that does not yet hold a figure.
export function mountAll(mark, spec) {
  for (const host of document.querySelectorAll(`[data-equitour="${mark}"]`)) {
    if (!host.querySelector(".equitour")) host.equitour = new Figure(host, spec);
  }
}

// The widget: slider and clicks reach Python, and Python moves the slider.
export function render({ model, el }) {
  const send = (values) => { Object.entries(values).forEach(([key, value]) => model.set(key, value)); model.save_changes(); };
  const figure = new Figure(el, { ...model.get("spec"), index: model.get("index") }, {
    moved: (index) => send({ index }),
    chosen: (panel, atom) => send({ panel, atom: atom < 0 ? null : atom }),
  });
  const follow = () => { figure.index = model.get("index"); };
  model.on("change:index", follow);
  return () => { model.off("change:index", follow); figure.destroy(); };
}
