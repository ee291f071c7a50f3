// The collection picker: lists, creates, and remembers the choice in the page's address, so that a link
// opens the same collection.

import { getJson, path, postJson } from "./api.js";
import { confirmDialog } from "./dialog.js";
import { announce, byId, el, errorBox } from "./dom.js";

const DEFAULT = "default";
const NAMING = "Letters, digits, dots, dashes and underscores, a letter or a digit first.";

/** Wires the picker; `onChange(name)` is called whenever another collection is chosen. */
export function createCollections({ onChange }) {
  const select = byId("collection");
  const named = () => new URLSearchParams(location.search).get("collection") || DEFAULT;
  let current = named();

  function choose(name) {
    current = name;
    const address = new URL(location.href);
    if (name === DEFAULT) address.searchParams.delete("collection");
    else address.searchParams.set("collection", name);
    history.pushState(null, "", address);
    onChange(name);
  }

  addEventListener("popstate", () => {
    if (named() === current) return;
    current = named();
    show([...select.options].map((option) => option.value));
    onChange(current);
  });

  function show(names) {
    // A collection is made at its first use, so the chosen one may not be in the list yet.
    const all = [...new Set([DEFAULT, ...names, current])];
    select.replaceChildren(...all.map((name) => el("option", { value: name, text: name })));
    select.value = current;
  }

  async function load() {
    const names = [];
    let cursor = null;
    do {
      const page = await getJson(path(["collections"], { cursor }));
      names.push(...page.collections.map((collection) => collection.name));
      cursor = page.next_cursor ?? null;
    } while (cursor);
    show(names);
  }

  async function create(name, failure) {
    const input = el("input", {
      id: "collection-name",
      testid: "collection-name",
      type: "text",
      required: true,
      maxlength: 100,
      pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*",
      title: NAMING,
      "aria-describedby": "collection-naming",
      autocomplete: "off",
      spellcheck: "false",
      value: name,
    });
    const confirmed = await confirmDialog({
      title: "New collection",
      body: [
        el("p", { class: "quiet", text: "Documents in one collection are searched and cited together." }),
        el("label", { for: "collection-name", text: "Name" }),
        input,
        el("p", { class: "quiet small", id: "collection-naming", text: NAMING }),
        failure && errorBox(failure),
      ].filter(Boolean),
      confirm: "Create",
    });
    if (!confirmed) return;
    const wanted = input.value.trim();
    try {
      await postJson(path(["collections"]), { name: wanted });
    } catch (error) {
      await create(wanted, error);
      return;
    }
    choose(wanted);
    await load();
    announce(`Collection ${wanted} made.`);
  }

  select.addEventListener("change", () => choose(select.value));
  byId("new-collection").addEventListener("click", () => create("", null));
  show([]);
  return { load, current: () => current, names: () => [...select.options].map((option) => option.value) };
}
