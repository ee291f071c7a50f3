// The side panel: one footnote's quote, marked on the page image and in the stored text around it.

import { getJson, path } from "./api.js";
import { announce, byId, el, errorBox, icon, setChildren } from "./dom.js";
import { originalLink } from "./original.js";
import { drawPage, pageNumbers } from "./page.js";
import { pageLabel, percent, slicePoints, titleOf } from "./text.js";

const CONTEXT = 500; // Code points of stored text shown before and after the quote.
const PAGES_SHOWN = 3;

/** The stored text around the quote. A server that refuses an end past the text is asked for the quote alone. */
async function readAround(item, signal) {
  const around = (start, end) =>
    getJson(path(["documents", item.document_id, "text"], { version: item.version, start, end }), signal);
  try {
    return await around(Math.max(0, item.start - CONTEXT), item.end + CONTEXT);
  } catch (error) {
    if (error.status !== 422 && error.status !== 400) throw error;
    return around(item.start, item.end);
  }
}

async function showText(holder, item, signal) {
  try {
    const stored = await readAround(item, signal);
    const from = item.start - stored.start;
    const to = item.end - stored.start;
    const quote = slicePoints(stored.text, from, to);
    const same = quote === (item.quote ?? item.text);
    const mark = el("mark", { text: quote, testid: "quote" });
    setChildren(
      holder,
      el(
        "p",
        {
          class: same ? "match match-yes small" : "match match-no small",
          testid: "quote-match",
          "data-match": String(same),
        },
        icon(same ? "check" : "warning"),
        same ? "The quote is the stored text, letter for letter." : "The quote differs from the stored text.",
      ),
      el(
        "blockquote",
        { class: "context", testid: "source-text" },
        stored.start > 0 && el("span", { class: "quiet", text: "… " }),
        slicePoints(stored.text, 0, from),
        mark,
        slicePoints(stored.text, to, undefined),
        el("span", { class: "quiet", text: " …" }),
      ),
    );
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error.status === 404) {
      // Nothing else of the document is left either: its pages and its original go the same way.
      for (const part of holder.parentElement.querySelectorAll(".pages, .source-end")) part.remove();
      setChildren(
        holder,
        el(
          "div",
          { class: "notice", testid: "source-gone" },
          icon("trash"),
          el("p", {
            text: "This document, or this version of it, has been deleted. Its text can no longer be shown.",
          }),
        ),
      );
    } else
      setChildren(
        holder,
        errorBox(error, { retry: () => showText(holder, item, signal), testid: "source-error" }),
      );
  }
}

/** Wires the panel. `findDocument(id)` gives what the document list knows, or null. */
export function createSource({ findDocument }) {
  const panel = byId("source");
  const app = byId("app");
  const narrow = matchMedia("(max-width: 40rem)");
  let items = [];
  let at = 0;
  let kind = "Footnote";
  let openerOf = () => null;
  let request = null;

  function show() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    const item = items[at];
    const numbers = pageNumbers(item, findDocument(item.document_id));
    const name = `${kind} ${item.number ?? at + 1}`;
    const title = titleOf(item);
    const text = el(
      "div",
      { class: "source-text" },
      el("p", { class: "quiet small", text: "Reading the stored text" }),
    );
    const images = numbers.slice(0, PAGES_SHOWN).map((number) => {
      const holder = el(
        "div",
        { class: "page", "data-state": "loading" },
        el("p", { class: "quiet small", text: `Drawing page ${number}` }),
      );
      drawPage(holder, item, number, signal);
      return holder;
    });
    const step = (by, label, glyph, testid) =>
      el(
        "button",
        {
          type: "button",
          class: "button button-icon",
          "aria-label": label,
          title: label,
          // aria-disabled keeps the focus where it is when the end of the list is reached.
          "aria-disabled": String(at + by < 0 || at + by >= items.length),
          testid,
          on: { click: () => move(by, testid) },
        },
        icon(glyph),
      );
    setChildren(
      panel,
      el(
        "div",
        { class: "source-bar" },
        el(
          "p",
          { class: "source-name", testid: "source-number" },
          el("strong", { text: name }),
          el("span", { class: "quiet", text: ` of ${items.length}` }),
        ),
        step(-1, `Previous ${kind.toLowerCase()}`, "previous", "source-previous"),
        step(1, `Next ${kind.toLowerCase()}`, "next", "source-next"),
        el(
          "button",
          {
            type: "button",
            class: "button button-icon",
            "aria-label": "Close",
            title: "Close (Escape)",
            testid: "source-close",
            on: { click: close },
          },
          icon("cross"),
        ),
      ),
      el(
        "div",
        { class: "source-body", tabindex: -1 },
        el("h2", { id: "source-title", text: title, testid: "source-title" }),
        item.filename && item.filename !== title && el("p", { class: "quiet small", text: item.filename }),
        item.headings?.length > 0 &&
          el(
            "ol",
            { class: "path small", "aria-label": "Headings", testid: "source-headings" },
            item.headings.map((heading) => el("li", { text: heading })),
          ),
        el(
          "p",
          { class: "source-facts small" },
          pageLabel(item.pages) && el("span", { text: pageLabel(item.pages), testid: "source-pages" }),
          Number.isFinite(item.support) &&
            el("span", { text: `Supports the sentence ${percent(item.support)}` }),
          item.version > 1 && el("span", { text: `Version ${item.version}` }),
        ),
        el("div", { class: "pages" }, images),
        numbers.length > PAGES_SHOWN &&
          el("p", { class: "quiet small", text: `The quote goes on to page ${numbers.at(-1)}.` }),
        el("h3", { class: "source-heading", text: "Stored text" }),
        text,
        el("div", { class: "source-end" }, originalLink(item.document_id, item.filename)),
      ),
    );
    showText(text, item, signal);
    markOpener();
  }

  function markOpener() {
    for (const button of document.querySelectorAll('[aria-expanded="true"][aria-controls="source"]')) {
      button.setAttribute("aria-expanded", "false");
    }
    openerOf(items[at])?.setAttribute("aria-expanded", "true");
  }

  /** On a phone the panel covers the page: what lies behind it must not take the focus. */
  function cover() {
    const covered = narrow.matches && !panel.hidden;
    for (const behind of [document.querySelector(".top"), ...app.children]) {
      if (behind !== panel) behind.inert = covered;
    }
  }

  function move(by, testid) {
    if (at + by < 0 || at + by >= items.length) return;
    at += by;
    show();
    panel.querySelector(`[data-testid="${testid}"]`).focus();
    announce(`${kind} ${items[at].number ?? at + 1}, ${titleOf(items[at])} ${pageLabel(items[at].pages)}`);
  }

  /**
   * Opens the panel on `list[index]`. `opener(item)` finds the button that the focus goes back to; it is
   * asked at closing time, because the answer may have been drawn again since.
   */
  function open({ list, index, label = "Footnote", opener }) {
    items = list;
    at = index;
    kind = label;
    openerOf = opener;
    panel.hidden = false;
    app.dataset.source = "open";
    cover();
    show();
    panel.querySelector('[data-testid="source-close"]').focus();
  }

  function close() {
    if (panel.hidden) return;
    request?.abort();
    const back = openerOf(items[at]);
    panel.hidden = true;
    panel.replaceChildren();
    delete app.dataset.source;
    cover();
    for (const button of document.querySelectorAll('[aria-expanded="true"][aria-controls="source"]')) {
      button.setAttribute("aria-expanded", "false");
    }
    back?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || byId("dialog").open) return;
    close();
  });

  narrow.addEventListener("change", cover);

  return {
    open,
    close,
    /** Marks the open footnote again after its answer has been drawn anew. */
    refresh() {
      if (!panel.hidden) markOpener();
    },
    /** Closes when it shows a document that is gone. */
    forget(id) {
      if (!panel.hidden && items[at].document_id === id) close();
    },
  };
}
