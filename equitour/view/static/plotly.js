// Plotly's script travels packed in one output; the others of the page wait for it on this shelf.
const shelf = (globalThis[Symbol.for("equitour.plotly")] ??= (() => { let put; const got = new Promise((resolve) => { put = resolve; }); return { got, put }; })());
async function carryPlotly(packed) {
  if (!globalThis.Plotly) {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    const [define, module, exports] = [globalThis.define, globalThis.module, globalThis.exports];
    globalThis.define = globalThis.module = globalThis.exports = undefined;
    const tag = document.createElement("script"); tag.textContent = text; document.head.append(tag);
    Object.assign(globalThis, { define, module, exports });
  }
  shelf.put(globalThis.Plotly);
}
function inked(box, layout) {
  const ink = getComputedStyle(box).color, [r, g, b] = ink.match(/[\d.]+/g);
  const faint = (alpha) => `rgba(${r},${g},${b},${alpha})`;
  const axis = { gridcolor: faint(0.12), zerolinecolor: faint(0.35), linecolor: faint(0.6), tickcolor: faint(0.6) };
  const ground = "rgba(0,0,0,0)", out = { ...layout, paper_bgcolor: ground, plot_bgcolor: ground, font: { ...layout.font, color: ink, family: "system-ui, sans-serif" } };
  out.modebar = { bgcolor: ground, color: faint(0.45), activecolor: ink };
  for (const key of new Set([...Object.keys(layout), "xaxis", "yaxis"])) {
    if (/^[xy]axis\d*$/.test(key)) out[key] = { ...layout[key], ...axis };
    if (/^scene\d*$/.test(key)) out[key] = { ...layout[key], ...Object.fromEntries(["xaxis", "yaxis", "zaxis"].map((name) => [name, { ...(layout[key] || {})[name], ...axis, backgroundcolor: ground }])) };
  }
  return out;
}
async function drawPlotly({ mark, alt, figure }) {
  for (const box of document.querySelectorAll(`[data-equitour-plotly="${mark}"]`)) {
    const late = setTimeout(() => { box.querySelector("p").textContent = alt + " (This picture needs plotly's script, which another output of this notebook carries: run that cell, or this one with embed=True.)"; }, 8000);
    const Plotly = globalThis.Plotly || (await shelf.got);
    clearTimeout(late);
    box.replaceChildren();
    const draw = () => Plotly.react(box, figure.data, inked(box, figure.layout || {}), { responsive: true, displaylogo: false });
    draw();
    let ink = getComputedStyle(box).color;
    const follow = () => { const now = getComputedStyle(box).color; if (now !== ink) { ink = now; draw(); } };
    const watch = new MutationObserver(follow);
    for (const node of [document.documentElement, document.body]) watch.observe(node, { attributes: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  }
}
