// One row of the document list: title, state, progress, what went wrong, and what can be done with it.

import { el, icon, setChildren } from "./dom.js";
import { originalLink } from "./original.js";
import { STATUSES, failureWords, percent, plural, titleOf, warningWords } from "./text.js";

/** States that a document stays in. */
export const FINAL = new Set(["ready", "failed", "deleted"]);

function details(doc) {
  const words = [];
  if (doc.pages) words.push(plural(doc.pages, "page"));
  if (doc.status === "ready" && Number.isFinite(doc.passages)) words.push(plural(doc.passages, "passage"));
  if (doc.version > 1) words.push(`version ${doc.version}`);
  return words.join(" · ");
}

/** Draws one document into its row. */
export function drawRow(row, doc, note, { onOpen, onDelete }) {
  const title = titleOf(doc);
  const status = STATUSES[doc.status] ?? { icon: "wait", label: doc.status };
  const busy = !FINAL.has(doc.status);
  const failure = doc.error && failureWords(doc.error.code);
  const share = Number.isFinite(doc.progress) ? doc.progress : null;
  row.dataset.status = doc.status;
  setChildren(
    row,
    el(
      "div",
      { class: "item-main" },
      icon("file"),
      el("span", { class: "item-title", text: title, title, testid: "document-title" }),
    ),
    doc.filename &&
      doc.filename !== title &&
      el("p", { class: "item-file quiet small", text: doc.filename, title: doc.filename }),
    el(
      "div",
      { class: "item-state small" },
      el(
        "span",
        { class: "status", "data-status": doc.status, testid: "document-status" },
        icon(status.icon),
        busy && share > 0 ? `${status.label}, ${percent(share)}` : status.label,
      ),
      el("span", { class: "quiet", text: details(doc), testid: "document-details" }),
    ),
    busy &&
      el("progress", {
        max: 1,
        value: share,
        "aria-label": `${status.label} ${title}`,
        testid: "document-progress",
      }),
    doc.error &&
      el(
        "div",
        { class: "item-error small", testid: "document-error" },
        el("p", {}, el("strong", { text: failure.what })),
        el("p", { text: failure.todo, testid: "document-todo" }),
        el(
          "details",
          {},
          el("summary", { class: "quiet" }, "Code ", el("code", { text: doc.error.code })),
          el("p", { class: "quiet", text: doc.error.message }),
        ),
      ),
    doc.warnings?.length > 0 &&
      el(
        "ul",
        { class: "item-warnings quiet small", testid: "document-warnings" },
        doc.warnings.map((each) => el("li", { text: warningWords(each) })),
      ),
    note && el("p", { class: "quiet small", text: note, testid: "document-note" }),
    el(
      "div",
      { class: "item-actions" },
      doc.live_version &&
        el(
          "button",
          {
            type: "button",
            class: "button button-plain",
            "aria-label": `Passages of ${title}`,
            "aria-controls": "source",
            "aria-expanded": "false",
            testid: "document-open",
            on: { click: onOpen },
          },
          icon("parts"),
          "Passages",
        ),
      originalLink(doc.id, doc.filename),
      el(
        "button",
        {
          type: "button",
          class: "button button-plain item-delete",
          "aria-label": `Delete ${title}`,
          title: "Delete",
          testid: "document-delete",
          on: { click: onDelete },
        },
        icon("trash"),
      ),
    ),
  );
}
