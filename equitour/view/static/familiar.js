// We fetch the script ourselves: py3Dmol's own loader never reports a failure and leaves a blank box.
function openFamiliar({ mark, html, online, address }) {
  for (const box of document.querySelectorAll(`[data-equitour-familiar="${mark}"]`)) {
    const [own, other] = [box.querySelector(".eq-own"), box.querySelector(".eq-other")];
    const [button, status] = [box.querySelector("p > button"), box.querySelector("p > span")];
    const fail = () => { status.textContent = "3Dmol.js could not be loaded from " + new URL(address).host + "; the viewer above shows the same atoms."; button.disabled = false; };
    const show = () => {
      other.innerHTML = html;
      for (const old of other.querySelectorAll("script")) { const fresh = document.createElement("script"); fresh.textContent = old.textContent; old.replaceWith(fresh); }
      own.style.display = "none"; button.hidden = true; status.textContent = "";
    };
    const load = () => {
      button.disabled = true; status.textContent = "Loading 3Dmol.js \u2026";
      if (globalThis.$3Dmol) return show();
      const tag = document.createElement("script");
      const keep = globalThis.define; globalThis.define = undefined;
      const settle = (next) => () => { globalThis.define = keep; next(); };
      tag.onload = settle(() => { globalThis.$3Dmolpromise = Promise.resolve(); show(); });
      tag.onerror = settle(fail);
      tag.src = address;
      document.head.append(tag);
    };
    button.hidden = false; button.onclick = load;
    if (online) load();
  }
}
