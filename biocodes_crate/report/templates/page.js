"use strict";
(() => {
  const root = document.documentElement;
  const announce = document.getElementById("announce");

  // Theme: what the system says, until the reader says otherwise.
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const remembered = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { theme.textContent = isDark() ? "Light theme" : "Dark theme"; };
  if (remembered() === "dark" || remembered() === "light") root.dataset.theme = remembered();
  theme.hidden = false;
  label();
  system.addEventListener("change", label);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* opened without storage */ }
    label();
  });

  // Copying.
  const fallback = (text) => {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  };
  const copy = async (button) => {
    const text = button.dataset.copy;
    try { await navigator.clipboard.writeText(text); } catch { fallback(text); button.focus(); }
    button.textContent = "Copied";
    announce.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; announce.textContent = ""; }, 1600);
  };
  for (const button of document.querySelectorAll("button.copy")) button.hidden = false;
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button);
  });

  // Choosing a panel: its details open, those of its page close, its outline stands out.
  const panels = [...document.querySelectorAll("details.panel")];
  const linkOf = (id) => document.querySelector(`a.hot[href="#${CSS.escape(id)}"]`);
  const mark = (split) => {
    for (const details of split.querySelectorAll("details.panel")) {
      const link = linkOf(details.querySelector(".body").id);
      if (link) link.toggleAttribute("data-open", details.open);
    }
  };
  const reveal = (id) => {
    const body = document.getElementById(id);
    const chosen = body && body.closest("details.panel");
    if (!chosen) return false;
    for (const other of chosen.parentElement.children) other.open = other === chosen;
    const wide = matchMedia("(min-width: 60rem)").matches;
    chosen.scrollIntoView({ block: wide ? "nearest" : "start" });
    body.focus({ preventScroll: true });
    return true;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#panel-"]');
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const id = link.getAttribute("href").slice(1);
    if (reveal(id)) { event.preventDefault(); history.replaceState(null, "", `#${id}`); }
  });
  addEventListener("hashchange", () => reveal(location.hash.slice(1)));
  if (location.hash.startsWith("#panel-")) reveal(location.hash.slice(1));
  for (const details of panels) {
    details.addEventListener("toggle", () => { mark(details.closest(".split")); compare(details); });
  }
  for (const split of document.querySelectorAll(".split")) mark(split);

  // Arrow keys walk through the panels of a figure.
  document.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const link = event.target.closest && event.target.closest("a.hot");
    if (!step || !link) return;
    const all = [...link.closest("svg").querySelectorAll("a.hot")];
    all[(all.indexOf(link) + step + all.length) % all.length].focus();
    event.preventDefault();
  });

  // A slider that wipes from the panel to its source, made when it is first seen.
  function compare(details) {
    if (!details.open) return;
    for (const source of details.querySelectorAll(".source:not([data-compared])")) {
      source.dataset.compared = "";
      const below = source.querySelector(".of-panel img");
      const above = source.querySelector(".of-source img");
      if (!below || !above) continue;
      const figure = source.querySelector(".of-panel");
      const frame = figure.querySelector(".frame");
      const layer = above.cloneNode();
      layer.className = "layer";
      layer.alt = "";
      const slider = document.createElement("input");
      slider.type = "range";
      slider.min = 0; slider.max = 100; slider.value = 0;
      slider.setAttribute("aria-label", "Wipe from the panel to its source");
      const wipe = () => { layer.style.clipPath = `inset(0 ${100 - slider.value}% 0 0)`; };
      slider.addEventListener("input", wipe);
      wipe();
      frame.append(layer);
      figure.append(slider);
      figure.querySelector("figcaption").append("; slide for its source");
    }
  }
  for (const details of panels) compare(details);

  // In the graph, what hangs together with the node that is pointed at stands out.
  const graph = document.querySelector("svg.graph");
  if (graph) {
    const nodes = new Map([...graph.querySelectorAll("[data-node]")].map((node) => [node.dataset.node, node]));
    const lines = [...graph.querySelectorAll("[data-from]")];
    const walk = (start, end, first) => {
      const found = new Set([first]);
      const todo = [first];
      while (todo.length) {
        const at = todo.pop();
        for (const line of lines) {
          if (line.dataset[start] !== at) continue;
          line.classList.add("on");
          if (!found.has(line.dataset[end])) { found.add(line.dataset[end]); todo.push(line.dataset[end]); }
        }
      }
      for (const one of found) nodes.get(one).classList.add("on");
    };
    const follow = (event) => {
      const node = event.target.closest("[data-node]") || event.target.querySelector("[data-node]");
      if (!node || node.closest("svg.graph") !== graph) return;
      forget();
      graph.classList.add("following");
      walk("from", "to", node.dataset.node);
      walk("to", "from", node.dataset.node);
    };
    const forget = () => {
      graph.classList.remove("following");
      for (const one of graph.querySelectorAll(".on")) one.classList.remove("on");
    };
    for (const node of nodes.values()) node.addEventListener("pointerenter", follow);
    for (const node of nodes.values()) node.addEventListener("pointerleave", forget);
    for (const link of graph.querySelectorAll("a")) {
      link.addEventListener("focus", follow);
      link.addEventListener("blur", forget);
    }
  }

  // All panels at once; and on paper.
  const all = document.getElementById("all");
  if (panels.length > 1) {
    all.hidden = false;
    all.addEventListener("click", () => {
      const open = panels.some((details) => !details.open);
      for (const details of panels) details.open = open;
      all.textContent = open ? "Close all panels" : "Open all panels";
    });
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
})();
