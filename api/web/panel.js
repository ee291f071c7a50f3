// The side panel that a footnote, a document's parts or the way of an answer open in. One of them has it at a time; what
// opened it gets the focus back. On a phone it covers the page.

import { byId, el, icon, setChildren } from "./dom.js";

/** Wires the panel. An owner is `{opener(), onClosed()}`, both optional. */
export function createPanel() {
  const panel = byId("source");
  const app = byId("app");
  const narrow = matchMedia("(max-width: 40rem)");
  let owner = null;

  /** What lies behind the panel on a phone must not take the focus. */
  function cover() {
    const covered = narrow.matches && !panel.hidden;
    for (const behind of [document.querySelector(".top"), ...app.children]) {
      if (behind !== panel) behind.inert = covered;
    }
  }

  function unmark() {
    for (const button of document.querySelectorAll('[aria-expanded="true"][aria-controls="source"]')) {
      button.setAttribute("aria-expanded", "false");
    }
  }

  /** Shows which button the panel belongs to. */
  function mark() {
    unmark();
    owner?.opener?.()?.setAttribute("aria-expanded", "true");
  }

  function close() {
    if (panel.hidden) return;
    const back = owner?.opener?.();
    owner?.onClosed?.();
    owner = null;
    panel.hidden = true;
    panel.replaceChildren();
    delete app.dataset.source;
    cover();
    unmark();
    back?.focus();
  }

  const shut = () =>
    el(
      "button",
      {
        type: "button",
        class: "button button-icon",
        "aria-label": "Close",
        title: "Close (Escape)",
        testid: "source-close",
        on: { click: close },
      },
      icon("cross"),
    );

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || byId("dialog").open) return;
    close();
  });
  narrow.addEventListener("change", cover);

  return {
    /** Opens the panel for an owner, who then draws into it. */
    take(next) {
      if (owner && owner !== next) owner.onClosed?.();
      owner = next;
      panel.hidden = false;
      app.dataset.source = "open";
      cover();
    },
    /** The name and the buttons of the bar at the top, and what stands below. */
    draw(name, buttons, ...body) {
      setChildren(
        panel,
        el("div", { class: "source-bar" }, el("div", { class: "source-name" }, name), buttons, shut()),
        el(
          "div",
          { class: "source-body", tabindex: 0, role: "group", "aria-labelledby": "source-title" },
          body,
        ),
      );
      mark();
    },
    focus(testid = "source-close") {
      panel.querySelector(`[data-testid="${testid}"]`)?.focus();
    },
    owns: (asker) => owner === asker && !panel.hidden,
    mark,
    close,
  };
}
