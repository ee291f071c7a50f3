// The form for a new key: what it is for, where, how much and until when.

import { el } from "./dom.js";

const DAY = 86_400;
const KINDS = [
  ["use", "An application", "Reads, asks or writes in one collection or in all."],
  ["page", "A web page", "Asks one collection, from pages that you list. Anybody can read it there."],
  ["admin", "Administration", "May do everything, keys included."],
];

function field(label, control, hint) {
  return el(
    "div",
    { class: "field" },
    el("label", { for: control.id, text: label }),
    control,
    hint && el("p", { class: "quiet small", text: hint }),
  );
}

function number(id, label, placeholder, step = "1") {
  return field(
    label,
    el("input", { id, testid: id, type: "number", min: 0, step, inputmode: "decimal", placeholder }),
  );
}

/** A form for the collections there are. `adminOnly`: the first key of all. */
export function keyForm(collections, { adminOnly = false } = {}) {
  const name = el("input", {
    id: "key-name",
    testid: "key-name",
    type: "text",
    required: true,
    maxlength: 200,
    autocomplete: "off",
  });
  const where = (id, all) =>
    el(
      "select",
      { id, testid: id },
      all && el("option", { value: "*", text: "all collections" }),
      collections.map((each) => el("option", { value: each, text: each })),
    );
  const kinds = KINDS.filter(([kind]) => !adminOnly || kind === "admin");
  const radios = kinds.map(([kind, title, words], at) =>
    el(
      "label",
      { class: "choice" },
      el("input", {
        type: "radio",
        name: "kind",
        value: kind,
        checked: at === 0,
        testid: `key-kind-${kind}`,
      }),
      el("span", {}, el("strong", { text: title }), el("span", { class: "quiet small", text: words })),
    ),
  );
  const scopes = ["read", "ask", "write"].map((scope) =>
    el(
      "label",
      { class: "inline-field" },
      el("input", {
        type: "checkbox",
        name: "scope",
        value: scope,
        checked: scope !== "write",
        testid: `key-scope-${scope}`,
      }),
      scope,
    ),
  );
  const use = el(
    "div",
    { class: "fields" },
    el("fieldset", { class: "choices" }, el("legend", { text: "May" }), scopes),
    field("In", where("key-collection", true)),
    field(
      "Principals",
      el("input", { id: "key-principals", type: "text", autocomplete: "off", placeholder: "staff, board" }),
      "Who its requests are, for documents that name who may see them. * lets the request say it.",
    ),
  );
  const page = el(
    "div",
    { class: "fields" },
    field("Asks", where("key-page-collection", false)),
    field(
      "Pages",
      el("textarea", {
        id: "key-origins",
        testid: "key-origins",
        rows: 2,
        placeholder: "https://www.example.org",
      }),
      "Their origins, one on each line.",
    ),
  );
  const limits = el(
    "details",
    {},
    el("summary", { text: "Limits" }),
    el(
      "div",
      { class: "fields fields-row" },
      number("key-requests", "Requests a minute", "none"),
      number("key-questions", "Questions a day", "none"),
      number("key-usd", "US dollars a day", "none", "0.01"),
    ),
  );
  const expiry = el(
    "select",
    { id: "key-expiry" },
    [
      ["", "never"],
      [30, "in 30 days"],
      [90, "in 90 days"],
      [365, "in a year"],
    ].map(([value, text]) => el("option", { value, text })),
  );
  const node = el(
    "div",
    { class: "fields" },
    field("Name", name),
    el("fieldset", { class: "choices choices-tall" }, el("legend", { text: "For" }), radios),
    use,
    page,
    field("Expires", expiry),
    limits,
  );
  const kind = () => node.querySelector('[name="kind"]:checked').value;
  const fit = () => {
    use.hidden = kind() !== "use";
    page.hidden = kind() !== "page";
  };
  node.addEventListener("change", fit);
  fit();

  const list = (id, apart) =>
    node
      .querySelector(`#${id}`)
      .value.split(apart)
      .map((each) => each.trim())
      .filter(Boolean);
  const amount = (id) =>
    node.querySelector(`#${id}`).value === "" ? null : Number(node.querySelector(`#${id}`).value);

  function scopesOf() {
    if (kind() === "admin") return ["admin"];
    if (kind() === "page") return [`publishable:${node.querySelector("#key-page-collection").value}`];
    const at = node.querySelector("#key-collection").value;
    return [...node.querySelectorAll('[name="scope"]:checked')].map((box) => `${box.value}:${at}`);
  }

  return {
    node,
    /** The key as the service takes it. */
    value() {
      const given = {
        requests_per_minute: amount("key-requests"),
        questions_per_day: amount("key-questions"),
        usd_per_day: amount("key-usd"),
      };
      return {
        name: name.value.trim(),
        scopes: scopesOf(),
        origins:
          kind() === "page"
            ? list("key-origins", /\s+/).map((each) => each.replace(/\/$/, "").toLowerCase())
            : [],
        principals: kind() === "use" ? list("key-principals", ",") : [],
        limits: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)),
        expires_at: expiry.value ? Date.now() / 1000 + Number(expiry.value) * DAY : null,
      };
    },
  };
}
