import { element } from "./solid.js";

export const PLAY = "M4 2.5 13 8 4 13.5z", PAUSE = "M4 2.5h3v11H4zM9 2.5h3v11H9z", FORWARD = "M3 2.5 10 8 3 13.5zM11 2.5h2v11h-2z";

export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), shape = document.createElementNS(svg.namespaceURI, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

// Button, slider and what it reads now. Where the reader prefers little motion the button goes one frame at a time.
export class Slider {
  constructor({ labels, title, index }, moved) {
    this.labels = labels;
    this.moved = moved;
    this.node = element("div", "eq-slider");
    this.button = element("button", "eq-play");
    this.button.type = "button";
    this.input = Object.assign(element("input", ""), { type: "range", min: 0, max: labels.length - 1, step: 1, value: index });
    this.input.setAttribute("aria-label", title || "frame");
    this.output = element("output", "eq-value", labels[index]);
    this.output.style.minWidth = `${Math.min(24, Math.max(...labels.map((label) => label.length)))}ch`;
    if (title) this.node.append(element("span", "eq-title", title));
    this.node.append(this.button, this.input, this.output);
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.still.addEventListener("change", () => this.stop());
    this.input.addEventListener("input", () => { this.stop(); this.show(); this.moved(); });
    this.button.addEventListener("click", () => this.press());
    this.stop();
    this.show();
  }

  get index() { return +this.input.value; }

  set index(value) { this.input.value = value; this.show(); }

  show() {
    this.output.textContent = this.labels[this.index];
    this.input.setAttribute("aria-valuetext", this.labels[this.index]);
  }

  wear(path, words) {
    this.button.replaceChildren(icon(path));
    this.button.setAttribute("aria-label", words);
    this.button.title = words;
  }

  press() {
    if (this.timer) return this.stop();
    this.forward();
    if (this.still.matches) return;
    this.timer = setInterval(() => (this.node.isConnected ? this.forward() : this.stop()), 50);
    this.wear(PAUSE, "Pause");
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    if (this.still.matches) this.wear(FORWARD, "Next frame");
    else this.wear(PLAY, "Play");
  }

  forward() { this.index = (this.index + 1) % this.labels.length; this.moved(); }
}
