// The search view: passages as the service ranks them, no model involved.

import { path, postJson } from "./api.js";
import { announce, byId, el, errorBox, headingPath, setChildren } from "./dom.js";
import { milliseconds, pageLabel, pictureLabel, plural, titleOf } from "./text.js";

const FOUND_BY = { dense: "by meaning", lexical: "by words" };

function resultNode(passage, index, onOpen) {
  const found = (passage.found_by ?? []).map((name) => FOUND_BY[name] ?? name).join(" and ");
  return el(
    "li",
    { class: "result", testid: "search-result", "data-document": passage.document_id },
    el(
      "div",
      { class: "result-head" },
      el("h3", { class: "result-title", text: titleOf(passage) }),
      el("span", {
        class: "quiet small",
        text: [pageLabel(passage.pages), pictureLabel(passage)].filter(Boolean).join(" · "),
        testid: "result-pages",
      }),
    ),
    headingPath(passage.headings, "result-headings"),
    el("p", { class: "result-text", text: passage.text.trim(), testid: "result-text" }),
    el(
      "div",
      { class: "result-end small" },
      el(
        "span",
        { class: "quiet", testid: "result-score" },
        "Score ",
        el("span", { class: "number", text: Number(passage.score).toFixed(3) }),
      ),
      found && el("span", { class: "quiet", text: `Found ${found}`, testid: "result-found-by" }),
      el("button", {
        type: "button",
        class: "button button-plain result-open",
        id: `result-${index}`,
        testid: "result-open",
        "aria-controls": "source",
        "aria-expanded": "false",
        "aria-label": `Open in its document: passage ${index + 1}`,
        text: "Open in its document",
        on: { click: onOpen },
      }),
    ),
  );
}

/** Wires the search form. `source` is the side panel, `conditions` the filter; `collection()` names what is searched. */
export function createSearch({ collection, source, conditions }) {
  const results = byId("search-results");
  let running = null;

  function show({ passages, timings }) {
    if (passages.length === 0) {
      setChildren(
        results,
        el("p", {
          class: "quiet",
          testid: "search-empty",
          text: conditions.filter()
            ? "Nothing was found. Try other words, or take a condition out of the filter."
            : "Nothing was found. Try other words, or add documents to this collection.",
        }),
      );
      announce("Nothing was found.");
      return;
    }
    const list = passages.map((passage, index) => ({ ...passage, number: index + 1, quote: passage.text }));
    const open = (index) =>
      source.open({
        list,
        index,
        label: "Passage",
        opener: (item) => document.getElementById(`result-${item.number - 1}`),
      });
    setChildren(
      results,
      el("h2", {
        class: "results-title small quiet",
        text: `${plural(passages.length, "passage")}, best first, in ${milliseconds(timings?.total ?? 0)}`,
        testid: "search-count-found",
      }),
      el(
        "ol",
        { class: "results" },
        list.map((passage, index) => resultNode(passage, index, () => open(index))),
      ),
    );
    announce(`${plural(passages.length, "passage")} found.`);
  }

  async function run() {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    setChildren(results, el("p", { class: "quiet loading", role: "status", text: "Searching" }));
    try {
      const answer = await postJson(
        path(["search"]),
        {
          query: byId("search-query").value.trim(),
          collection: collection(),
          top_k: Number(byId("search-count").value),
          mode: byId("search-mode").value,
          filter: conditions.filter(),
        },
        signal,
      );
      show(answer);
    } catch (error) {
      // A collection is made at its first use; until then it is simply empty.
      if (error.status === 404) show({ passages: [] });
      else if (error.name !== "AbortError")
        setChildren(results, errorBox(error, { retry: run, testid: "search-error" }));
    }
  }

  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (byId("search-query").value.trim()) run();
  });

  return {
    /** Takes the passages of a deleted document off the page. */
    forget(id) {
      for (const result of results.querySelectorAll("[data-document]")) {
        if (result.dataset.document === id) result.remove();
      }
    },
    reset() {
      running?.abort();
      results.replaceChildren();
    },
  };
}
