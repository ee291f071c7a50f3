// The document list: what is in the collection, how far each document has got, and deletion with its
// receipt. Progress comes as server-sent events for a few documents at a time and by asking for the rest.

import { getJson, openStream, path, remove } from "./api.js";
import { confirmDialog } from "./dialog.js";
import { announce, byId, el, errorBox, icon } from "./dom.js";
import { createFilter } from "./filter.js";
import { FINAL, drawRow } from "./row.js";
import { readEvents } from "./sse.js";
import { STATUSES, receiptWords, titleOf } from "./text.js";

// Browsers open about six connections to a server; a stream per document would starve the questions.
const STREAMS = 2;
const POLL_MS = 1500;
const POLL_AFTER_ERROR_MS = 5000;
const POLLED_AT_ONCE = 20;
// Documents that are looked through for a filter; a larger collection is filtered by what has been shown of it.
const FILTERED = 2000;

/**
 * Wires the list. `onOpen(doc, opener)` shows what is in a document, `onDeleted(id)` is called after a deletion,
 * `onCount(total)` when the list changes.
 */
export function createDocuments({ onOpen, onDeleted, onCount }) {
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
  const filter = createFilter({ onChange: () => sift() });

  function count() {
    const shown = [...known.values()].filter((entry) => !entry.row.hidden).length;
    const total = `${known.size}${cursor ? "+" : ""}`;
    const words = filter.active() ? `${shown} of ${total}` : total;
    byId("documents-count").textContent = known.size > 0 ? words : "";
    byId("documents-none").hidden = shown > 0 || !filter.active();
    filter.fit(known.size);
    onCount(known.size);
  }

  /** Shows the documents that the filter lets through, of those behind the shown ones too. */
  async function sift() {
    for (const entry of known.values()) entry.row.hidden = !filter.matches(entry.doc);
    count();
    const turn = generation;
    try {
      while (filter.active() && cursor && known.size < FILTERED && turn === generation) await page(turn);
    } catch (error) {
      if (turn === generation) showTrouble(error);
    }
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
      entry = {
        row: el("li", { class: "item", testid: "document", "data-id": doc.id }),
        doc: null,
        streamed: false,
      };
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
    const opener = () => entry.row.querySelector('[data-testid="document-open"]');
    drawRow(entry.row, doc, note, { onOpen: () => onOpen(doc, opener), onDelete: () => askDelete(doc.id) });
    entry.row.hidden = !filter.matches(doc);
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
  function follow(pause = POLL_MS) {
    const open = unfinished();
    for (const entry of open) {
      if (streaming.size >= STREAMS) break;
      if (!entry.streamed) watch(entry, generation);
    }
    if (timer === null && open.length > 0) timer = setTimeout(poll, pause, generation);
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
      // Shown once, not at every attempt: each new alert would be read out again.
      if (trouble.childElementCount === 0) showTrouble(error);
      timer = null;
      if (error.retryable) follow(POLL_AFTER_ERROR_MS);
      return;
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

  function showTrouble(error) {
    // Without a key the page asks for one at its top; that is enough said.
    if (error.status === 401) return;
    trouble.replaceChildren(
      errorBox(error, { retry: () => load(collection), testid: "documents-load-error" }),
    );
  }

  async function load(name) {
    if (collection !== name) filter.clear();
    collection = name;
    generation += 1;
    cursor = null;
    clearTimeout(timer);
    timer = null;
    known.clear();
    list.replaceChildren();
    trouble.replaceChildren();
    more.hidden = true;
    list.dataset.state = "loading";
    const turn = generation;
    try {
      await page(turn);
    } catch (error) {
      if (turn !== generation) return;
      // A collection is made at its first use; until then it is simply empty.
      if (error.status === 404) count();
      else showTrouble(error);
    } finally {
      if (turn === generation) delete list.dataset.state;
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
        el(
          "div",
          { class: "item-main" },
          icon("check"),
          el("strong", { class: "item-title", text: `Deleted: ${title}` }),
        ),
        el("p", { class: "quiet small", text: words }),
        el("button", {
          type: "button",
          class: "button button-plain",
          text: "Dismiss",
          on: { click: () => note.remove() },
        }),
      );
      row.replaceWith(note);
      count();
      onDeleted(id);
      // After the other parts have let go of the document: closing the side panel moves the focus too.
      note.focus();
      announce(`Deleted ${title}. ${words}`);
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
  return {
    load,
    added,
    find: (id) => known.get(id)?.doc ?? null,
    all: () => [...known.values()].map((entry) => entry.doc),
  };
}
