const STEP = Math.PI / 36;
const KEYS = {
  ArrowLeft: (camera) => camera.turnBy(-STEP, 0),
  ArrowRight: (camera) => camera.turnBy(STEP, 0),
  ArrowUp: (camera) => camera.turnBy(0, -STEP),
  ArrowDown: (camera) => camera.turnBy(0, STEP),
  "+": (camera) => camera.zoomBy(1.15),
  "=": (camera) => camera.zoomBy(1.15),
  "-": (camera) => camera.zoomBy(1 / 1.15),
  0: (camera) => camera.reset(),
};

// Drag, pinch, wheel and keys turn and zoom; a click that did not move picks.
// The wheel scrolls the page as ever unless ctrl or shift is held or the panel has the focus.
export function listen(canvas, camera, { redraw, pick, step }) {
  const fingers = new Map();
  let moved = 0, gap = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    moved = fingers.size > 1 ? 1e6 : 0;
    gap = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const dx = event.clientX - before[0], dy = event.clientY - before[1];
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    moved += Math.abs(dx) + Math.abs(dy);
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (gap) camera.zoomBy(now / gap);
      gap = now;
    } else if (moved > 3) camera.turnBy(dx * 0.01, dy * 0.01);
    redraw();
  });
  const lift = (event) => fingers.delete(event.pointerId);
  canvas.addEventListener("pointerup", (event) => {
    if (fingers.has(event.pointerId) && moved <= 3) pick(event.offsetX, event.offsetY);
    lift(event);
  });
  canvas.addEventListener("pointercancel", lift);
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey && document.activeElement !== canvas) return;
    event.preventDefault();
    camera.zoomBy(Math.exp(-0.0015 * (event.deltaY || event.deltaX)));
    redraw();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n" || event.key === "p") step(event.key === "n" ? 1 : -1);
    else if (event.key === "Escape") pick(-1e6, -1e6);
    else if (KEYS[event.key]) KEYS[event.key](camera);
    else return;
    event.preventDefault();
    redraw();
  });
}
