// The sheet over the conversation that shows one footnote's quote, word for word, with where it stands.

import { el, icon, setChildren } from "../dom.js";
import { place, titleOf } from "./claims.js";

/** Wires the sheet. `behind` is what it covers; `speak(words)` tells a screen reader. */
export function createQuote({ sheet, behind, words, speak }) {
  let list = [];
  let at = 0;
  let opener = null;
  let passages = false;

  function step(by, label, glyph) {
    return el(
      "button",
      {
        type: "button",
        class: "plain square",
        "aria-label": label,
        "aria-disabled": String(at + by < 0 || at + by >= list.length),
        "data-step": by,
        on: {
          click: () => {
            if (at + by < 0 || at + by >= list.length) return;
            at += by;
            draw();
            sheet.querySelector(`[data-step="${by}"]`).focus();
            speak(`${name()}: ${titleOf(list[at], words)}`);
          },
        },
      },
      icon(glyph),
    );
  }

  function name() {
    return (passages ? words.passageOf : words.footnoteOf)(at + 1, list.length);
  }

  function draw() {
    const citation = list[at];
    const where = place(citation, words);
    setChildren(
      sheet,
      el(
        "div",
        { class: "bar" },
        el(
          "button",
          { type: "button", class: "plain", testid: "widget-back", on: { click: close } },
          icon("previous"),
          words.back,
        ),
        step(-1, words.previous, "previous"),
        step(1, words.next, "next"),
      ),
      el(
        "div",
        { class: "sheet-body", tabindex: 0, role: "group", "aria-labelledby": "quote-title" },
        el("p", { class: "quiet", text: name() }),
        el("h2", { id: "quote-title", text: titleOf(citation, words) }),
        where && el("p", { class: "quiet", text: where }),
        el("blockquote", { testid: "widget-quote", text: citation.quote ?? "" }),
        el("p", { class: "quoted" }, icon("check"), words.quoted),
      ),
    );
  }

  function close() {
    if (sheet.hidden) return false;
    sheet.hidden = true;
    sheet.replaceChildren();
    for (const part of behind) part.inert = false;
    opener?.focus();
    return true;
  }

  return {
    /** Opens the quote of footnote `number`; the focus goes back to `button` afterwards. */
    open(citations, number, button, { nearest = false } = {}) {
      list = [...citations.values()].sort((a, b) => a.number - b.number);
      at = Math.max(
        0,
        list.findIndex((citation) => citation.number === number),
      );
      passages = nearest;
      opener = button;
      sheet.hidden = false;
      for (const part of behind) part.inert = true;
      draw();
      sheet.querySelector("button").focus();
    },
    close,
  };
}
