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

function figures(rows) {
  const answers = total(rows, "answers");
  const abstained = total(rows, "abstained");
  const shown = [
    ["Questions", whole(total(rows, "questions"))],
    ["Searches", whole(total(rows, "searches"))],
    ["Uploads", whole(total(rows, "uploads"))],
    ["Without an answer", answers > 0 ? `${Math.round((100 * abstained) / answers)}\u202f%` : "–"],
    ["Cost", money(total(rows, "cost_usd"))],
  ];
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

/** The view; `again()` draws it anew. */
export async function usage(again) {
  const [found, kept] = await Promise.all([getJson(path(["usage"], { days })), getJson(path(["keys"]))]);
  const names = new Map(kept.keys.map((key) => [key.id, key.name]));
  const own = { admin: "Admin key of the settings", local: "Without a key", "-": "Refused without a key" };
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
  const rows = found.days;
  const asked = total(rows, "questions") + total(rows, "searches") + total(rows, "uploads");
  return [
    el(
      "div",
      { class: "manage-head" },
      el("h2", { text: "Usage" }),
      el("label", { class: "inline-field", for: "usage-days" }, "Last", period),
    ),
    figures(rows),
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
      series: [
        { key: "questions", label: "Questions" },
        { key: "searches", label: "Searches" },
      ],
      format: whole,
    }),
    barChart({
      title: "Cost of answers",
      testid: "chart-cost",
      days: rows,
      series: [{ key: "cost_usd", label: "US dollars" }],
      format: money,
      axis: (value) => `$${Number(value.toPrecision(2))}`,
    }),
    barChart({
      title: "Tokens",
      testid: "chart-tokens",
      days: rows,
      series: [
        { key: "prompt_tokens", label: "Read" },
        { key: "completion_tokens", label: "Written" },
      ],
      format: whole,
    }),
    breakdown(
      "By key",
      found.keys,
      { label: "Key", value: (row) => names.get(row.key_id) ?? own[row.key_id] ?? row.key_id },
      [
        { key: "questions", label: "Questions", format: whole },
        { key: "searches", label: "Searches", format: whole },
        { key: "uploads", label: "Uploads", format: whole },
        { key: "refused", label: "Refused", format: whole },
      ],
    ),
    breakdown("By collection", found.collections, { label: "Collection", value: (row) => row.name }, [
      { key: "answers", label: "Answers", format: whole },
      { key: "cost_usd", label: "Cost", format: money },
    ]),
  ];
}
