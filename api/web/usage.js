// What was asked and what it cost, by day, by key and by collection.

import { getJson, path } from "./api.js";
import { barChart } from "./charts.js";
import { el } from "./dom.js";
import { money } from "./text.js";

const PERIODS = { 7: "7 days", 30: "30 days", 90: "90 days" };
let days = 30;

const whole = (value) =>
  Intl.NumberFormat(
    "en",
    value >= 10_000 ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: 1 },
  ).format(value);

function total(rows, key) {
  return rows.reduce((sum, row) => sum + (row[key] ?? 0), 0);
}

function figures(rows, books) {
  const shown = [
    ["Questions", whole(total(rows, "questions"))],
    ["Searches", whole(total(rows, "searches"))],
    ["Uploads", whole(total(rows, "uploads"))],
    ["Refused", whole(total(rows, "refused"))],
    books && ["From the cache", whole(books.total.cached)],
    books && ["Cost", money(books.total.cost_usd)],
  ].filter(Boolean);
  return el(
    "dl",
    { class: "tiles", testid: "usage-tiles" },
    shown.map(([name, value]) =>
      el(
        "div",
        { class: "tile" },
        el("dt", { class: "quiet small", text: name }),
        el("dd", { class: "number", text: value }),
      ),
    ),
  );
}

/** What was spent, added up by one thing; null where the service keeps no books of it. */
async function spent(by, first) {
  try {
    const found = await getJson(path(["usage"], { by, first_day: first }));
    return Array.isArray(found.rows) ? found : null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

function breakdown(title, rows, first, columns) {
  if (!rows?.length) return null;
  return el(
    "section",
    { class: "figure" },
    el("h3", { text: title }),
    el(
      "div",
      { class: "table-frame", tabindex: 0, role: "group", "aria-label": title },
      el(
        "table",
        { class: "table small" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col", text: first.label }),
            columns.map(({ label }) => el("th", { scope: "col", class: "number", text: label })),
          ),
        ),
        el(
          "tbody",
          {},
          rows.map((row) =>
            el(
              "tr",
              {},
              el("th", { scope: "row", text: first.value(row) }),
              columns.map(({ key, format }) => el("td", { class: "number", text: format(row[key] ?? 0) })),
            ),
          ),
        ),
      ),
    ),
  );
}

const OWN = { admin: "Admin key of the settings", local: "Without a key", "-": "Refused without a key" };
const COST = [
  { key: "prompt_tokens", format: whole, label: "Tokens read" },
  { key: "completion_tokens", format: whole, label: "Tokens written" },
  { key: "cost_usd", format: money, label: "Cost" },
];
const QUESTIONS = { key: "questions", format: whole, label: "Questions" };
const CALLS = { key: "calls", format: whole, label: "Calls" };

/** Rows with the questions of the books, which know those of batches too; the audit log notes requests. */
function withQuestions(rows, name, books) {
  if (!books) return rows;
  const counted = new Map(books.rows.map((row) => [row[name], row.questions]));
  return rows.map((row) => ({ ...row, questions: counted.get(row[name]) ?? 0 }));
}

function spendingParts(rows, books, models, collections) {
  if (!books) return [];
  const costs = new Map(books.rows.map((row) => [row.day, row]));
  const days = rows.map(({ day }) => ({ day, ...costs.get(day) }));
  const axis = (value) => `$${Number(value.toPrecision(2))}`;
  const series = [{ key: "cost_usd", label: "US dollars" }];
  return [
    barChart({ title: "Cost of answers", testid: "chart-cost", days, series, format: money, axis }),
    barChart({
      title: "Tokens",
      testid: "chart-tokens",
      days,
      series: [
        { key: "prompt_tokens", label: "Read" },
        { key: "completion_tokens", label: "Written" },
      ],
      format: whole,
    }),
    breakdown(
      "By model",
      models?.rows.filter((row) => row.model),
      { label: "Model", value: (row) => row.model },
      [CALLS, ...COST],
    ),
    breakdown(
      "By collection",
      collections?.rows,
      { label: "Collection", value: (row) => row.collection },
      [QUESTIONS, ...COST],
    ),
    breakdown(
      "Budgets of collections, today",
      books.budgets,
      { label: "Collection", value: (row) => row.collection },
      [
        { key: "taken_usd", format: money, label: "Spent or held" },
        { key: "usd_per_day", format: money, label: "Of" },
      ],
    ),
  ];
}

/** The view; `again()` draws it anew. */
export async function usage(again) {
  const [found, kept] = await Promise.all([getJson(path(["activity"], { days })), getJson(path(["keys"]))]);
  const first = found.days[0].day;
  const [books, models, collections, keys] = await Promise.all(
    ["day", "model", "collection", "key_id"].map((by) => spent(by, first)),
  );
  const rows = withQuestions(found.days, "day", books);
  const names = new Map(kept.keys.map((key) => [key.id, key.name]));
  const period = el(
    "select",
    {
      id: "usage-days",
      testid: "usage-days",
      on: {
        change: (event) => {
          days = Number(event.currentTarget.value);
          again();
        },
      },
    },
    Object.entries(PERIODS).map(([value, label]) =>
      el("option", { value, text: label, selected: Number(value) === days }),
    ),
  );
  const asked = total(rows, "questions") + total(rows, "searches") + total(rows, "uploads");
  const counts = ["questions", "searches", "uploads", "refused"].map((key) => ({
    key,
    format: whole,
    label: key[0].toUpperCase() + key.slice(1),
  }));
  return [
    el(
      "div",
      { class: "manage-head" },
      el("h2", { text: "Usage" }),
      el("label", { class: "inline-field", for: "usage-days" }, "Last", period),
    ),
    figures(rows, books),
    asked === 0 &&
      el("p", {
        class: "quiet",
        testid: "usage-empty",
        text: "Nothing was asked in this time. The charts fill as the service is used.",
      }),
    barChart({
      title: "Questions and searches",
      testid: "chart-questions",
      days: rows,
      series: counts.slice(0, 2),
      format: whole,
    }),
    spendingParts(rows, books, models, collections),
    breakdown(
      "By key",
      withQuestions(found.keys, "key_id", keys),
      { label: "Key", value: (row) => names.get(row.key_id) ?? OWN[row.key_id] ?? row.key_id },
      counts,
    ),
  ].flat();
}
