// The tabs. On a wide screen the documents stand beside the views and their tab is not shown.

import { byId } from "./dom.js";

const NAMES = ["documents", "ask", "search", "manage"];

/** Wires the tabs; `onShow(name)` is told of each one that is chosen. The address remembers it. */
export function createTabs({ onShow }) {
  const wide = matchMedia("(min-width: 60rem)");

  function select(name, focus = false) {
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
    if (location.hash.slice(1).split("/")[0] !== name) {
      history.replaceState(null, "", name === "ask" ? location.pathname + location.search : `#${name}`);
    }
    onShow(name);
  }

  function shown() {
    return wide.matches ? NAMES.slice(1) : NAMES;
  }

  for (const name of NAMES) {
    const tab = byId(`tab-${name}`);
    tab.addEventListener("click", () => select(name));
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
      select(target, true);
    });
  }
  wide.addEventListener("change", () => {
    if (wide.matches && byId("app").dataset.view === "documents") select("ask");
  });
  const wanted = location.hash.slice(1).split("/")[0];
  select(shown().includes(wanted) ? wanted : "ask");
  return {
    /** Brings the documents into sight; on a wide screen they are. */
    showDocuments() {
      if (!wide.matches) select("documents");
    },
  };
}
