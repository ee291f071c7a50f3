// What the steps of an answer's way are drawn with.

import { el } from "./dom.js";

/** One step of the way, with a sentence about it. */
export function step(title, summary, ...body) {
  return el(
    "li",
    { class: "trace-step", testid: "trace-step" },
    el("h3", { class: "trace-title", text: title }),
    summary && el("p", { class: "quiet small", text: summary }),
    body,
  );
}

/** A disclosure whose content is made when it is first opened. */
export function lazily(summary, make, testid) {
  const holder = el("div", { class: "trace-more" });
  const details = el("details", { testid }, el("summary", {}, summary), holder);
  details.addEventListener("toggle", () => {
    if (details.open && holder.childElementCount === 0) make(holder);
  });
  return details;
}

/** What was sent or received, as it was. */
export function raw(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return el("pre", {
    class: "raw small",
    tabindex: 0,
    role: "group",
    "aria-label": "As it was sent or received",
    text,
  });
}

/** A share as a bar; the number stands beside it. */
export function bar(share) {
  const fill = el("span", { class: "gauge-fill" });
  fill.style.setProperty("--share", String(Math.min(1, Math.max(0, share))));
  return el("span", { class: "gauge gauge-wide", "aria-hidden": "true" }, fill);
}
