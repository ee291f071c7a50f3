// The document list: what is in the collection, how far each document has got, and deletion with its
// receipt. Progress comes as server-sent events for a few documents at a time and by asking for the rest.

import { getJson, openStream, path, remove } from "./api.js";
import { confirmDialog } from "./dialog.js";
import { announce, byId, el, errorBox, icon, setChildren } from "./dom.js";
import { originalLink } from "./original.js";
import { readEvents } from "./sse.js";
import { STATUSES, failureWords, percent, plural, receiptWords, titleOf } from "./text.js";

// Browsers open about six connections to a server; a stream per document would starve the questions.
const STREAMS = 2;
const POLL_MS = 1500;
const POLLED_AT_ONCE = 20;
const FINAL = new Set(["ready", "failed", "deleted"]);

function details(doc) {
  const words = [];
  if (doc.pages) words.push(plural(doc.pages, "page"));
  if (doc.status === "ready" && Number.isFinite(doc.passages)) words.push(plural(doc.passages, "passage"));
  if (doc.version > 1) words.push(`version ${doc.version}`);
  return words.join(" · ");
}

/** Draws one document into its row. */
function fill(row, doc, note, onDelete) {
  const title = titleOf(doc);
  const status = STATUSES[doc.status] ?? { icon: "wait", label: doc.status };
  const busy = !FINAL.has(doc.status);
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
      el("progress", { max: 1, value: share, "aria-label": `${status.label} ${title}`, testid: "document-progress" }),
    doc.error &&
      el(
        "div",
        { class: "item-error small", testid: "document-error" },
        el("p", { text: failureWords(doc.error.code) }),
        el("p", { class: "quiet" }, doc.error.message, " ", el("code", { text: doc.error.code })),
      ),
    note && el("p", { class: "quiet small", text: note, testid: "document-note" }),
    el(
      "div",
      { class: "item-actions" },
      originalLink(doc.id, doc.filename),
      el(
        "button",
        {
          type: "button",
          class: "button button-plain",
          "aria-label": `Delete ${title}`,
          testid: "document-delete",
          on: { click: onDelete },
        },
        icon("trash"),
        "Delete",
      ),
    ),
  );
}

/** Wires the list. `onDeleted(id)` is called after a deletion, `onCount(total)` when the list changes. */
export function createDocuments({ onDeleted, onCount }) {
  const list = byId("document-list");
  const trouble = byId("documents-error");
  const more = byId("documents-more");
  // id -> {row, doc, streamed}: streamed once its event stream has been opened, whatever came of it.
  const known = new Map();
  const streaming = new Set();
  let collection = "default";
  let generation = 0;
  let cursor = null;
  let timer = null;

  function count() {
    byId("documents-count").textContent = known.size > 0 ? `${known.size}${cursor ? "+" : ""}` : "";
    onCount(known.size);
  }

  function put(doc, { first = false, note = "" } = {}) {
    let entry = known.get(doc.id);
    if (doc.status === "deleted") {
      entry?.row.remove();
      known.delete(doc.id);
      count();
      return;
    }
    if (!entry) {
      entry = { row: el("li", { class: "item", testid: "document", "data-id": doc.id }), doc: null, streamed: false };
      known.set(doc.id, entry);
      if (first) list.prepend(entry.row);
      else list.append(entry.row);
    }
    const before = entry.doc;
    if (before && !note && JSON.stringify(before) === JSON.stringify(doc)) return;
    entry.doc = doc;
    // Redrawing a row under the keyboard would drop the focus to the page: it goes back to the same action.
    const active = document.activeElement;
    const focused = entry.row.contains(active) ? active.getAttribute("data-testid") : null;
    fill(entry.row, doc, note, () => askDelete(doc.id));
    if (focused) entry.row.querySelector(`[data-testid="${focused}"]`)?.focus();
    if (before && before.status !== doc.status && FINAL.has(doc.status)) {
      announce(`${titleOf(doc)}: ${STATUSES[doc.status].label}.`);
    }
    count();
  }

  function unfinished() {
    return [...known.values()].filter((entry) => !FINAL.has(entry.doc.status));
  }

  /** Opens event streams up to the limit and keeps the poll going while anything is unfinished. */
  function follow() {
    const open = unfinished();
    for (const entry of open) {
      if (streaming.size >= STREAMS) break;
      if (!entry.streamed) watch(entry, generation);
    }
    if (timer === null && open.length > 0) timer = setTimeout(poll, POLL_MS, generation);
  }

  async function watch(entry, turn) {
    const { id } = entry.doc;
    entry.streamed = true;
    streaming.add(id);
    try {
      const response = await openStream("GET", path(["documents", id, "events"]));
      for await (const { event, data } of readEvents(response)) {
        if (turn !== generation || !known.has(id)) return;
        if (event !== "progress") continue;
        const doc = JSON.parse(data);
        put(doc);
        if (FINAL.has(doc.status)) return;
      }
    } catch (error) {
      // No stream is no loss: the poll goes on asking for every document that is not finished.
      console.info(`The progress of ${id} is asked for instead of streamed: ${error.message}`);
    } finally {
      streaming.delete(id);
      if (turn === generation) follow();
    }
  }

  async function poll(turn) {
    try {
      const open = unfinished().filter((entry) => !streaming.has(entry.doc.id));
      for (const entry of open.slice(0, POLLED_AT_ONCE)) {
        const doc = await getJson(path(["documents", entry.doc.id]));
        if (turn !== generation) return;
        if (known.has(doc.id)) put(doc);
      }
      trouble.replaceChildren();
    } catch (error) {
      if (turn !== generation) return;
      if (error.status === 404) {
        await load(collection);
        return;
      }
      trouble.replaceChildren(errorBox(error, { retry: () => load(collection), testid: "documents-load-error" }));
      if (!error.retryable) return;
    }
    timer = null;
    follow();
  }

  async function page(turn) {
    const answer = await getJson(path(["documents"], { collection, cursor, limit: 100 }));
    if (turn !== generation) return;
    cursor = answer.next_cursor ?? null;
    more.hidden = !cursor;
    for (const doc of answer.documents) put(doc);
    count();
    follow();
  }

  async function load(name) {
    collection = name;
    generation += 1;
    cursor = null;
    clearTimeout(timer);
    timer = null;
    known.clear();
    list.replaceChildren();
    trouble.replaceChildren();
    more.hidden = true;
    try {
      await page(generation);
    } catch (error) {
      // A collection is made at its first use; until then it is simply empty.
      if (error.status === 404) count();
      else trouble.replaceChildren(errorBox(error, { retry: () => load(name), testid: "documents-load-error" }));
    }
  }

  /** Takes in what an upload to the collection `target` answered. */
  function added(docs, target) {
    if (target !== collection) return;
    for (const doc of docs) {
      const before = known.get(doc.id)?.doc;
      const same = before && before.sha256 === doc.sha256 && before.version === doc.version;
      put(doc, { first: true, note: same ? "The same file is already here: nothing was added." : "" });
      if (known.has(doc.id)) known.get(doc.id).streamed = false;
    }
    follow();
  }

  async function askDelete(id) {
    const { doc, row } = known.get(id);
    const title = titleOf(doc);
    const confirmed = await confirmDialog({
      title: "Delete this document?",
      body: [
        el("p", { class: "dialog-name", text: title }),
        el("p", {
          class: "quiet",
          text: "Its text, its passages and the original file are removed at once. No later answer can quote it.",
        }),
      ],
      confirm: "Delete",
      danger: true,
    });
    if (!confirmed) return;
    try {
      const receipt = await remove(path(["documents", id]));
      known.delete(id);
      const words = receiptWords(receipt.removed);
      const note = el(
        "li",
        { class: "item receipt", tabindex: -1, testid: "receipt" },
        el("div", { class: "item-main" }, icon("check"), el("strong", { class: "item-title", text: `Deleted: ${title}` })),
        el("p", { class: "quiet small", text: words }),
        el("button", {
          type: "button",
          class: "button button-plain",
          text: "Dismiss",
          on: { click: () => note.remove() },
        }),
      );
      row.replaceWith(note);
      note.focus();
      announce(`Deleted ${title}. ${words}`);
      count();
      onDeleted(id);
    } catch (error) {
      row.append(errorBox(error, { retry: () => askDelete(id), testid: "delete-error" }));
    }
  }

  more.addEventListener("click", async () => {
    try {
      await page(generation);
    } catch (error) {
      trouble.replaceChildren(errorBox(error));
    }
  });
  return { load, added, find: (id) => known.get(id)?.doc ?? null };
}
