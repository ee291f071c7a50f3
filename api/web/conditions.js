// The search's filter: conditions over metadata and file, each a field, a comparison and a value.

import { byId, el, icon, setChildren } from "./dom.js";

const OPERATORS = {
  is: { label: "is", make: (value) => value },
  ne: { label: "is not", make: (value) => ({ $ne: value }) },
  in: { label: "is one of", make: (_, text) => ({ $in: text.split(",").map((each) => typed(each)) }) },
  gte: { label: "is at least", make: (value) => ({ $gte: value }) },
  lte: { label: "is at most", make: (value) => ({ $lte: value }) },
};
// Always text, also where it looks like a number.
const OWN = ["filename", "media_type", "document_id"];

/** Numbers and true and false are meant as such; everything else, and what stands in quotation marks, is text. */
function typed(text) {
  const word = text.trim();
  const quoted = /^"(.*)"$/.exec(word);
  if (quoted) return quoted[1];
  if (word === "true" || word === "false") return word === "true";
  return word !== "" && Number.isFinite(Number(word)) ? Number(word) : word;
}

/** Wires the filter. `documents()` gives the documents whose metadata suggests fields. */
export function createConditions({ documents }) {
  const box = byId("conditions");
  const rows = el("ul", { class: "condition-rows" });
  const fields = el("datalist", { id: "condition-fields" });
  const summary = byId("conditions-summary");

  function suggest() {
    const keys = documents().flatMap((doc) => Object.keys(doc.metadata ?? {}));
    setChildren(
      fields,
      [...new Set([...OWN, ...keys])].map((name) => el("option", { value: name })),
    );
  }

  function count() {
    const complete = conditions().length;
    summary.textContent = complete > 0 ? `Filter (${complete})` : "Filter";
  }

  function add() {
    suggest();
    const field = el("input", {
      type: "text",
      list: "condition-fields",
      placeholder: "Field",
      "aria-label": "Field",
      autocomplete: "off",
      testid: "condition-field",
    });
    const operator = el(
      "select",
      { "aria-label": "Comparison", testid: "condition-operator" },
      Object.entries(OPERATORS).map(([value, { label }]) => el("option", { value, text: label })),
    );
    const value = el("input", {
      type: "text",
      placeholder: "Value",
      "aria-label": "Value",
      autocomplete: "off",
      testid: "condition-value",
    });
    const row = el(
      "li",
      { class: "condition", testid: "condition" },
      field,
      operator,
      value,
      el(
        "button",
        {
          type: "button",
          class: "button button-plain button-icon",
          "aria-label": "Remove this condition",
          on: {
            click: () => {
              row.remove();
              count();
              byId("conditions-add").focus();
            },
          },
        },
        icon("cross"),
      ),
    );
    row.addEventListener("input", count);
    rows.append(row);
    field.focus();
  }

  function conditions() {
    return [...rows.children]
      .map((row) => {
        const [field, operator, value] = row.querySelectorAll("input, select");
        const name = field.value.trim();
        if (!name || value.value.trim() === "") return null;
        const given = OWN.includes(name) ? value.value.trim() : typed(value.value);
        return { [name]: OPERATORS[operator.value].make(given, value.value) };
      })
      .filter(Boolean);
  }

  box.append(
    rows,
    fields,
    el("button", {
      type: "button",
      class: "button",
      id: "conditions-add",
      testid: "conditions-add",
      text: "Add a condition",
      on: { click: add },
    }),
    el("p", {
      class: "quiet small",
      text: 'All conditions have to hold. Numbers are compared as numbers; put "2024" in quotation marks to mean the text.',
    }),
  );

  return {
    /** The filter as the service takes it, or null for none. */
    filter() {
      const found = conditions();
      if (found.length === 0) return null;
      return found.length === 1 ? found[0] : { $and: found };
    },
  };
}
