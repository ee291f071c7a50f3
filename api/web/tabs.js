// The tabs. On a wide screen the documents stand beside the views and their tab is not shown.

import { byId } from "./dom.js";

const NAMES = ["documents", "ask", "search", "manage"];

/** Wires the tabs; `onShow(name)` is told of each one that is shown. The address remembers it, and the back button goes back. */
export function createTabs({ onShow }) {
  const wide = matchMedia("(min-width: 60rem)");

  function select(name, { focus = false, step = false } = {}) {
    for (const other of NAMES) {
      const tab = byId(`tab-${other}`);
      const chosen = other === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) tab.focus();
      byId(other).hidden = !chosen;
    }
    byId("main").hidden = name === "documents";
    // Where the documents stand alone they are what the page is about.
    if (name === "documents") byId("documents").setAttribute("role", "main");
    else byId("documents").removeAttribute("role");
    byId("app").dataset.view = name;
    if (named() !== name) {
      const address = name === "ask" ? location.pathname + location.search : `#${name}`;
      history[step ? "pushState" : "replaceState"](null, "", address);
    }
    onShow(name);
  }

  /** The view that the address names. */
  function named() {
    return location.hash.slice(1).split("/")[0] || "ask";
  }

  function shown() {
    return wide.matches ? NAMES.slice(1) : NAMES;
  }

  for (const name of NAMES) {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => select(name, { step: true }));
    tab.addEventListener("keydown", (event) => {
      const names = shown();
      const at = names.indexOf(name);
      const target = {
        ArrowRight: names[(at + 1) % names.length],
        ArrowLeft: names[(at - 1 + names.length) % names.length],
        Home: names[0],
        End: names.at(-1),
      }[event.key];
      if (!target) return;
      event.preventDefault();
      select(target, { focus: true, step: true });
    });
  }
  wide.addEventListener("change", () => {
    if (wide.matches && byId("app").dataset.view === "documents") select("ask");
  });
  // The way back and forward, and an address that somebody writes. The link that skips to the main part names no view.
  addEventListener("popstate", () => shown().includes(named()) && select(named()));
  select(shown().includes(named()) ? named() : "ask");
  return {
    /** Brings the documents into sight; on a wide screen they are. */
    showDocuments() {
      if (!wide.matches) select("documents");
    },
  };
}
