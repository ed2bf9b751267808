import { Camera, project } from "./camera.js";
import { css } from "./colour.js";
import { listen } from "./gestures.js";
import { sharedStage } from "./stage.js";

export const element = (tag, className, text = "") => {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
};

// A canvas that is as sharp as the screen and follows the width of its card.
export class Board {
  constructor(spec, figure) {
    this.spec = spec;
    this.canvas = element("canvas", "eq-canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${spec.title} ${spec.alt}`.trim());
    this.context = this.canvas.getContext("2d", { willReadFrequently: !this.solid });
    this.readout = element("output", "eq-readout");
    this.readout.setAttribute("aria-live", "polite");
    const stage = element("div", "eq-stage");
    stage.append(this.canvas, this.readout);
    figure.append(stage);
  }

  say(words) { if (this.readout.textContent !== words) this.readout.textContent = words; }


  // Match the pixels to the box; false while the card is hidden.
  fit() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || !clientHeight) return false;
    this.ratio = Math.min(2.5, globalThis.devicePixelRatio || 1);
    const width = Math.round(clientWidth * this.ratio), height = Math.round(clientHeight * this.ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.width = clientWidth;
    this.height = clientHeight;
    return true;
  }

  frameOf(k) { return Math.min(k, this.spec.frames - 1); }
}

// A panel in three dimensions: draws on the shared stage and keeps a copy of the pixels.
export class Solid extends Board {
  constructor(spec, figure, host) {
    super(spec, figure);
    this.host = host;
    this.camera = host.camera ??= new Camera();
    this.stage = sharedStage();
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("aria-describedby", host.hintId);
    listen(this.canvas, this.camera, { redraw: host.redraw, pick: (x, y) => this.pick(x, y), step: (by) => this.step(by) });
    if (!this.stage.gl) this.apologise(figure);
  }

  // Asked for by Board before this constructor has run.
  get solid() { return true; }
  get extent() { return this.spec.extent; }
  get centre() { return this.spec.centre || [0, 0, 0]; }
  pick() {}
  step() {}

  apologise(figure) {
    this.canvas.hidden = true;
    figure.append(element("p", "eq-notice", "This browser draws nothing in three dimensions here: WebGL 2 is switched off or missing. The numbers stand in words below."));
    this.host.openWords();
  }

  draw(k, theme) {
    if (!this.stage.ready || !this.fit()) return;
    const { width, height } = this.canvas;
    this.eye = this.camera.look(this.centre, this.extent, this.width / this.height);
    this.stage.begin(width, height, this.eye, theme);
    this.context.clearRect(0, 0, width, height);
    this.paint(this.frameOf(k), theme);
    this.stage.copyTo(this.context, width, height);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.overlay(this.frameOf(k), theme);
    this.drawTriad(theme);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
  }

  overlay() {}

  at(point) { return project(this.eye, point, this.width, this.height); }

  write(text, x, y, theme, size = 12) {
    const c = this.context;
    c.font = `600 ${size}px system-ui, sans-serif`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.lineWidth = 3;
    c.lineJoin = "round";
    c.strokeStyle = css(theme.paper, 0.85);
    c.strokeText(text, x, y);
    c.fillStyle = css(theme.ink);
    c.fillText(text, x, y);
  }

  // Which way x, y and z point now.
  drawTriad(theme) {
    const c = this.context, x0 = 26, y0 = this.height - 26, length = 15;
    const arms = ["x", "y", "z"].map((name, i) => ({ name, to: this.eye.rows.map((row) => row[i]) }));
    arms.sort((a, b) => a.to[2] - b.to[2]);
    c.lineCap = "round";
    for (const { name, to } of arms) {
      const alpha = 0.55 + 0.25 * to[2];
      c.strokeStyle = css(theme.ink, alpha);
      c.lineWidth = 1.5;
      c.beginPath();
      c.moveTo(x0, y0);
      c.lineTo(x0 + length * to[0], y0 - length * to[1]);
      c.stroke();
      c.font = "italic 11px Georgia, serif";
      c.textAlign = "center";
      c.textBaseline = "middle";
      c.fillStyle = css(theme.ink, alpha + 0.1);
      c.fillText(name, x0 + (length + 7) * to[0], y0 - (length + 7) * to[1]);
    }
  }
}
