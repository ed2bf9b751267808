import { KINDS } from "./linked.js";
import { FORWARD, icon, PAUSE, PLAY } from "./slider.js";
import { nameChips } from "./charts.js";
import { element } from "./solid.js";
import { Structure, triple } from "./structure.js";
import { short, TABLES } from "./twin.js";

// One swing takes this many milliseconds, whatever the mode's own frequency.
const SWING = 1200;

// Atoms that swing along the chosen mode. At rest arrows stand for the displacements; where the reader prefers
// little motion they stay, and the button goes on by an eighth of a swing.
class Motion extends Structure {
  constructor(spec, figure, host) {
    super(spec, figure, host);
    host.motion = this;
    this.swing = 0;
    this.eighth = 0;
    this.button = element("button", "eq-move");
    this.button.type = "button";
    this.button.addEventListener("click", () => this.toggle());
    if (this.stage.gl) this.canvas.parentNode.append(this.button);
    this.canvas.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); this.toggle(); } });
    this.legend.append(...nameChips(["displacement"], null, [spec.motion_colour]).children);
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.calm.addEventListener("change", () => this.stop());
    new IntersectionObserver((entries) => { this.inView = entries[entries.length - 1].isIntersecting; }).observe(this.canvas);
    this.rest();
  }

  // Positions have one frame only; the slider chooses the mode.
  frameOf() { return 0; }

  draw(k, theme) {
    const mode = Math.min(k, this.spec.frames - 1), before = this.mode;
    this.mode = mode;
    this.theme = theme;
    if (before !== undefined && before !== mode) this.start();
    super.draw(k, theme);
  }

  stamp(k, theme) { return `${this.mode} ${this.swing} ${this.moving} ${theme.paper}`; }

  move(i) { return triple(this.spec.motion, this.mode * (this.spec.positions.length / 3) + i); }

  position(k, i) {
    const way = this.swing * this.spec.amplitude, at = super.position(k, i);
    return way ? this.move(i).map((value, x) => at[x] + way * value) : at;
  }

  addArrows(start, atoms) {
    super.addArrows(start, atoms);
    if (!this.moving) atoms.forEach(({ at }, i) => this.arrow(at, this.move(i).map((value) => value * this.spec.arrow), this.spec.motion_colour));
  }

  describe(k, i) { return `${super.describe(k, i)}; displacement: ${this.move(i).map(short).join(", ")}`; }

  toggle() {
    if (this.calm.matches) this.eighth = (this.eighth + 1) % 8;
    else if (this.moving) return this.stop();
    this.start();
    this.swing = this.moving ? this.swing : Math.sin((Math.PI * this.eighth) / 4);
    this.host.redraw();
  }

  start() {
    if (this.moving || this.calm.matches || !this.stage.ready) return;
    this.moving = true;
    this.begun = performance.now();
    this.rest();
    requestAnimationFrame((now) => this.tick(now));
  }

  stop() {
    this.moving = false;
    this.swing = this.eighth = 0;
    this.rest();
    this.host.redraw();
  }

  // What the button says, and the state for whoever asks the page.
  rest() {
    const [path, words] = this.moving ? [PAUSE, "Pause"] : this.calm.matches ? [FORWARD, "Next step"] : [PLAY, "Move"];
    this.button.replaceChildren(icon(path), words);
    this.canvas.dataset.moving = this.moving ? "1" : "";
  }

  tick(now) {
    if (!this.moving) return;
    if (!this.canvas.isConnected) return this.stop();
    requestAnimationFrame((later) => this.tick(later));
    // Thirty pictures a second are smooth, and none is drawn where nobody looks.
    if (!this.inView || now - (this.last || 0) < 30) return;
    this.last = now;
    this.swing = Math.sin((2 * Math.PI * (now - this.begun)) / SWING);
    this.draw(this.host.index(), this.theme);
  }
}

KINDS.motion = Motion;

TABLES.motion = (spec, k) => {
  const [head, rows, all] = TABLES.structure(spec, 0), moved = (i) => [...triple(spec.motion, k * all + i)].map(short).join(", ");
  return [[...head, "displacement (longest = 1)"], rows.map((row, i) => [...row, moved(i)]), all];
};
