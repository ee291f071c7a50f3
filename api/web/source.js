// The side panel: one footnote's quote, marked on the page image and in the stored text around it.

import { getJson, path } from "./api.js";
import { announce, el, errorBox, headingPath, icon, setChildren } from "./dom.js";
import { originalLink } from "./original.js";
import { drawPage, pageNumbers } from "./page.js";
import { pageLabel, percent, pictureLabel, slicePoints, titleOf } from "./text.js";

const CONTEXT = 500; // Code points of stored text shown before and after the quote.
const PAGES_SHOWN = 3;

/** The stored text around the quote. An end past the text is refused: what is asked for then has none, and is as short. */
async function readAround(item, signal) {
  const around = (start, end) =>
    getJson(path(["documents", item.document_id, "text"], { version: item.version, start, end }), signal);
  try {
    return await around(Math.max(0, item.start - CONTEXT), item.end + CONTEXT);
  } catch (error) {
    if (error.status !== 422 && error.status !== 400) throw error;
    return around(Math.max(0, item.start - CONTEXT));
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
        stored.end === item.end + CONTEXT && el("span", { class: "quiet", text: " …" }),
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

/** Wires footnotes and passages to the side panel. `findDocument(id)` gives what the document list knows, or null. */
export function createSource({ panel, findDocument }) {
  let items = [];
  let at = 0;
  let kind = "Footnote";
  let openerOf = () => null;
  let request = null;
  const owner = { opener: () => openerOf(items[at]), onClosed: () => request?.abort() };

  function step(by, label, glyph, testid) {
    return el(
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
  }

  function pageHolders(item, numbers, signal) {
    return numbers.slice(0, PAGES_SHOWN).map((number) => {
      const holder = el(
        "div",
        { class: "page", "data-state": "loading" },
        el("p", { class: "quiet small", text: `Drawing page ${number}` }),
      );
      drawPage(holder, item, number, signal);
      return holder;
    });
  }

  function show() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    const item = items[at];
    const numbers = pageNumbers(item, findDocument(item.document_id));
    const title = titleOf(item);
    const text = el(
      "div",
      { class: "source-text" },
      el("p", { class: "quiet small", text: "Reading the stored text" }),
    );
    panel.draw(
      el(
        "p",
        { testid: "source-number" },
        el("strong", { text: `${kind} ${item.number ?? at + 1}` }),
        el("span", { class: "quiet", text: ` of ${items.length}` }),
      ),
      [
        step(-1, `Previous ${kind.toLowerCase()}`, "previous", "source-previous"),
        step(1, `Next ${kind.toLowerCase()}`, "next", "source-next"),
      ],
      el("h2", { id: "source-title", text: title, testid: "source-title" }),
      item.filename && item.filename !== title && el("p", { class: "quiet small", text: item.filename }),
      String(item.headings) !== title && headingPath(item.headings, "source-headings"),
      el(
        "p",
        { class: "source-facts small" },
        pageLabel(item.pages) && el("span", { text: pageLabel(item.pages), testid: "source-pages" }),
        pictureLabel(item) && el("span", { text: pictureLabel(item), testid: "source-transcribed" }),
        Number.isFinite(item.support) &&
          el("span", { text: `Supports the sentence ${percent(item.support)}` }),
        item.version > 1 && el("span", { text: `Version ${item.version}` }),
      ),
      el("div", { class: "pages" }, pageHolders(item, numbers, signal)),
      numbers.length > PAGES_SHOWN &&
        el("p", { class: "quiet small", text: `The quote goes on to page ${numbers.at(-1)}.` }),
      el("h3", { class: "source-heading", text: "Stored text" }),
      text,
      el("div", { class: "source-end" }, originalLink(item.document_id, item.filename)),
    );
    showText(text, item, signal);
  }

  function move(by, testid) {
    if (at + by < 0 || at + by >= items.length) return;
    at += by;
    show();
    panel.focus(testid);
    announce(`${kind} ${items[at].number ?? at + 1}, ${titleOf(items[at])} ${pageLabel(items[at].pages)}`);
  }

  return {
    /**
     * Opens the panel on `list[index]`. `opener(item)` finds the button that the focus goes back to; it is
     * asked at closing time, because the answer may have been drawn again since.
     */
    open({ list, index, label = "Footnote", opener }) {
      items = list;
      at = index;
      kind = label;
      openerOf = opener;
      panel.take(owner);
      show();
      panel.focus();
    },
    close: () => panel.owns(owner) && panel.close(),
    /** Marks the open footnote again after its answer has been drawn anew. */
    refresh: () => panel.owns(owner) && panel.mark(),
    /** Closes when it shows a document that is gone. */
    forget(id) {
      if (panel.owns(owner) && items[at].document_id === id) panel.close();
    },
  };
}
