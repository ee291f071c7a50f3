// What administrators look after: usage, keys, the audit log, the settings. Each part is read anew when it is shown.

import { keyWanted } from "./api.js";
import { audit } from "./audit.js";
import { byId, el, errorBox, setChildren } from "./dom.js";
import { createKeys } from "./keys.js";
import { settings } from "./settings.js";
import { usage } from "./usage.js";

const NAMES = ["usage", "keys", "audit", "settings"];

function refusal(error, again) {
  if (error.status !== 403) return errorBox(error, { retry: again, testid: "manage-error" });
  return el(
    "div",
    { class: "notice", testid: "manage-forbidden" },
    el(
      "div",
      { class: "notice-body" },
      el("p", { class: "notice-title", text: "This needs an admin key" }),
      el("p", {
        text: "The key that this page uses may do other things. Whoever runs the service can make one.",
      }),
      el("button", {
        type: "button",
        class: "button",
        testid: "another-key",
        text: "Use another key",
        on: { click: () => keyWanted.dispatchEvent(new CustomEvent("wanted")) },
      }),
    ),
  );
}

/** Wires the tab. `collections()` names what keys can be for, `onKey()` is called when the page's key has changed. */
export function createManage({ collections, onKey }) {
  const body = byId("manage-body");
  const parts = { usage, audit, settings, keys: createKeys({ collections, onKey }) };
  let current = NAMES[0];
  let turn = 0;

  async function show() {
    turn += 1;
    const mine = turn;
    current = NAMES.find((name) => location.hash === `#manage/${name}`) ?? current;
    for (const name of NAMES) {
      const tab = byId(`tab-${name}`);
      tab.setAttribute("aria-selected", String(name === current));
      tab.tabIndex = name === current ? 0 : -1;
    }
    history.replaceState(null, "", `#manage/${current}`);
    body.setAttribute("aria-labelledby", `tab-${current}`);
    body.dataset.part = current;
    setChildren(body, el("p", { class: "quiet loading", role: "status", text: "Loading" }));
    try {
      const nodes = await parts[current](() => mine === turn && show());
      if (mine !== turn) return;
      setChildren(body, nodes);
      for (const node of body.querySelectorAll("[data-draws]")) node.dispatchEvent(new Event("draw"));
    } catch (error) {
      if (mine === turn) setChildren(body, refusal(error, show));
    }
  }

  for (const [at, name] of NAMES.entries()) {
    const tab = byId(`tab-${name}`);
    const choose = (chosen) => {
      if (chosen !== current) history.pushState(null, "", `#manage/${chosen}`);
      show();
      byId(`tab-${chosen}`).focus();
    };
    tab.addEventListener("click", () => choose(name));
    tab.addEventListener("keydown", (event) => {
      const target = {
        ArrowRight: NAMES[(at + 1) % NAMES.length],
        ArrowLeft: NAMES[(at - 1 + NAMES.length) % NAMES.length],
        Home: NAMES[0],
        End: NAMES.at(-1),
      }[event.key];
      if (!target) return;
      event.preventDefault();
      choose(target);
    });
  }
  return { show };
}
