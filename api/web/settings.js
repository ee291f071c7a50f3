// The settings that the service runs with and the state of its parts, to be read. They are changed where the service is
// started, and secrets are never shown.

import { getJson, path, readiness } from "./api.js";
import { el, icon } from "./dom.js";

const BAD = /^(failed|not |starting|loading)/;
const PARTS = {
  catalog: "Catalog",
  embedder: "Embedding model",
  gateway: "Gateway",
  verifier: "Check of sentences",
  tokens: "Token counting",
  jobs: "Documents waiting",
  parser: "Reading of files",
};

function value(setting) {
  if (setting.value === null) return el("span", { class: "quiet", text: "not set" });
  if (setting.is_secret) return el("span", { class: "secret" }, icon("key"), "set, not shown");
  return el("code", { text: setting.value });
}

function settingNode(setting) {
  return el(
    "div",
    { class: "setting", testid: "setting", "data-name": setting.name },
    el(
      "dt",
      {},
      el("code", { text: setting.name }),
      !setting.is_default && el("span", { class: "tag", text: "changed" }),
    ),
    el("dd", {}, value(setting), el("p", { class: "quiet small", text: setting.description })),
  );
}

/** The view. */
export async function settings() {
  const [found, state] = await Promise.all([getJson(path(["settings"])), readiness()]);
  const list = el("dl", { class: "settings", testid: "settings" }, found.settings.map(settingNode));
  const changed = el("input", { type: "checkbox", id: "settings-changed", testid: "settings-changed" });
  const words = el("input", {
    type: "search",
    placeholder: "Find a setting",
    "aria-label": "Find a setting",
    testid: "settings-find",
    autocomplete: "off",
  });
  const none = el("p", { class: "quiet", hidden: true, text: "No setting fits." });
  const sift = () => {
    const wanted = words.value.toLowerCase();
    let shown = 0;
    for (const [at, setting] of found.settings.entries()) {
      const fits = `${setting.name} ${setting.description}`.toLowerCase().includes(wanted);
      list.children[at].hidden = !fits || (changed.checked && setting.is_default);
      if (!list.children[at].hidden) shown += 1;
    }
    none.hidden = shown > 0;
  };
  words.addEventListener("input", sift);
  changed.addEventListener("change", sift);
  return [
    el("div", { class: "manage-head" }, el("h2", { text: "Settings" })),
    el(
      "section",
      { class: "figure" },
      el("h3", { text: `State: ${state.status}` }),
      el(
        "dl",
        { class: "states small", testid: "states" },
        Object.entries(state.parts ?? {}).map(([name, words_]) =>
          el(
            "div",
            {},
            el("dt", { text: PARTS[name] ?? name }),
            el("dd", {
              "data-bad": String(BAD.test(String(words_))),
              text: typeof words_ === "object" ? JSON.stringify(words_) : words_,
            }),
          ),
        ),
      ),
    ),
    el("p", {
      class: "quiet",
      text: "Settings come from flags, then from FOOTNOTE_ variables, then from a .env file, and are read when the service starts.",
    }),
    el(
      "div",
      { class: "settings-find" },
      words,
      el("label", { class: "inline-field", for: "settings-changed" }, changed, "Only what is changed"),
    ),
    list,
    none,
  ];
}
