// Bars over days, as plain SVG drawn at the width that there is. The same figures stand below as a table, for whoever
// cannot see the bars or wants the numbers.

import { el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 150;
const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** The least round number that is not smaller: 1, 2 or 5 times a power of ten. */
export function roundUp(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999999);
}

function words(tag, attributes, text) {
  const node = svg(tag, attributes);
  node.textContent = text;
  return node;
}

function dayLabel(day) {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  });
}

function draw(holder, days, series, format, axis) {
  const width = Math.max(240, holder.clientWidth);
  const totals = days.map((day) => series.reduce((sum, { key }) => sum + (day[key] ?? 0), 0));
  const most = roundUp(Math.max(...totals, 0));
  const slot = (width - LEFT) / days.length;
  const scale = (HEIGHT - BOTTOM - TOP) / most;
  const ground = HEIGHT - BOTTOM;
  const picture = svg("svg", {
    class: "chart",
    viewBox: `0 0 ${width} ${HEIGHT}`,
    height: HEIGHT,
    "aria-hidden": "true",
    focusable: "false",
  });
  for (const share of [0, 0.5, 1]) {
    const y = ground - most * share * scale;
    picture.append(
      svg("line", { class: "chart-line", x1: LEFT, x2: width, y1: y, y2: y }),
      words(
        "text",
        { class: "chart-words", x: LEFT - 6, y: y + 4, "text-anchor": "end" },
        axis(most * share),
      ),
    );
  }
  const apart = Math.max(1, Math.ceil(58 / slot));
  for (const [at, day] of days.entries()) {
    const x = LEFT + at * slot;
    let y = ground;
    const group = svg("g", {});
    for (const [index, { key }] of series.entries()) {
      const height = (day[key] ?? 0) * scale;
      if (height <= 0) continue;
      y -= height;
      const bar = Math.max(1.5, Math.min(slot - 2, 26));
      group.append(
        svg("rect", {
          class: `chart-bar chart-bar-${index}`,
          x: x + (slot - bar) / 2,
          y,
          width: bar,
          height: Math.max(1, height),
          rx: Math.min(1.5, bar / 4),
        }),
      );
    }
    const told = series.map(({ key, label }) => `${label}: ${format(day[key] ?? 0)}`).join("\n");
    group.append(
      svg("rect", { class: "chart-touch", x, y: TOP, width: slot, height: ground - TOP }),
      words("title", {}, `${dayLabel(day.day)}\n${told}`),
    );
    picture.append(group);
    if ((days.length - 1 - at) % apart === 0) {
      picture.append(
        words(
          "text",
          {
            class: "chart-words",
            x: x + slot / 2,
            y: HEIGHT - 5,
            "text-anchor": at === days.length - 1 && slot < 40 ? "end" : "middle",
          },
          dayLabel(day.day),
        ),
      );
    }
  }
  holder.replaceChildren(picture);
}

function table(title, days, series, format) {
  const used = days.filter((day) => series.some(({ key }) => day[key]));
  return el(
    "details",
    { class: "chart-table" },
    el("summary", { class: "small quiet", text: "The figures" }),
    el(
      "div",
      { class: "table-frame", tabindex: 0, role: "group", "aria-label": `${title}, figures` },
      el(
        "table",
        { class: "table small" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col", text: "Day" }),
            series.map(({ label }) => el("th", { scope: "col", class: "number", text: label })),
          ),
        ),
        el(
          "tbody",
          {},
          used.map((day) =>
            el(
              "tr",
              {},
              el("th", { scope: "row", text: day.day }),
              series.map(({ key }) => el("td", { class: "number", text: format(day[key] ?? 0) })),
            ),
          ),
        ),
      ),
    ),
  );
}

/** A chart: `days` are `{day: "2026-11-23", ...}`, oldest first; each of `series` is a `{key, label}` of theirs. */
export function barChart({ title, days, series, format, axis = format, testid }) {
  const sum = (key) => days.reduce((total, day) => total + (day[key] ?? 0), 0);
  const told = series.map(({ key, label }) => `${label} ${format(sum(key))}`).join(", ");
  const holder = el("div", {
    class: "chart-holder",
    role: "img",
    "aria-label": `${title} by day: ${told} in all.`,
    "data-draws": "",
  });
  // Drawn once it has a width, and again when that changes.
  new ResizeObserver(() => draw(holder, days, series, format, axis)).observe(holder);
  return el(
    "figure",
    { class: "figure", testid },
    el(
      "figcaption",
      { class: "figure-head" },
      el("h3", { text: title }),
      el(
        "ul",
        { class: "legend small" },
        series.map(({ key, label }, index) =>
          el(
            "li",
            {},
            el("span", { class: `swatch chart-bar-${index}`, "aria-hidden": "true" }),
            `${label} `,
            el("strong", { class: "number", text: format(sum(key)) }),
          ),
        ),
      ),
    ),
    holder,
    table(title, days, series, format),
  );
}
