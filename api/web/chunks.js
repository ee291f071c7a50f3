// What became of a document: its sections, the passages that are searched, and the sentences that can be cited. What
// readers of the original do not see is shown here, and marked.

import { getJson, path } from "./api.js";
import { announce, el, errorBox, headingPath, setChildren } from "./dom.js";
import { pageLabel, pictureLabel, plural, titleOf, warningWords } from "./text.js";

const AT_ONCE = 40;

/** The passage's text with each sentence in an element of its own; offsets count code points of the document. */
function sentenceNodes(passage) {
  const points = Array.from(passage.text);
  const part = (start, end) => points.slice(start - passage.start, end - passage.start).join("");
  return passage.sentences.map(([start, end], index) => {
    const node = el("span", { class: index % 2 ? "cut cut-odd" : "cut" });
    let at = start;
    for (const [from, to] of passage.hidden ?? []) {
      const first = Math.max(from, at);
      const last = Math.min(to, end);
      if (first >= last) continue;
      node.append(
        part(at, first),
        el("del", { class: "unseen", title: "Not seen by readers", text: part(first, last) }),
      );
      at = last;
    }
    // The blank lines between passages belong to the text and would only stretch the list.
    node.append(index === passage.sentences.length - 1 ? part(at, end).trimEnd() : part(at, end));
    return node;
  });
}

function passageNode(passage) {
  const facts = [
    pageLabel(passage.pages),
    pictureLabel(passage),
    plural(passage.sentences.length, "sentence"),
    plural(passage.end - passage.start, "character"),
  ];
  return el(
    "li",
    { class: "chunk", testid: "chunk" },
    el(
      "p",
      { class: "chunk-facts small quiet" },
      el("strong", { text: `Passage ${(passage.ordinal + 1).toLocaleString("en")}` }),
      el("span", { text: facts.filter(Boolean).join(" · ") }),
    ),
    el("p", { class: "chunk-text", testid: "chunk-text" }, sentenceNodes(passage)),
  );
}

/** Opens documents in the side panel. */
export function createChunks({ panel }) {
  let shown = null;
  let openerOf = () => null;
  let request = null;
  const owner = { opener: () => openerOf(), onClosed: () => request?.abort() };

  function draw(doc) {
    const list = el("div", { class: "chunks", testid: "chunks" });
    const more = el("div", { class: "chunks-more" });
    panel.draw(
      el("p", {}, el("strong", { text: "Passages" })),
      [],
      el("h2", { id: "source-title", text: titleOf(doc), testid: "source-title" }),
      el("p", {
        class: "quiet small",
        text: "Search finds passages, footnotes cite sentences. The shading shows where one sentence ends and the next begins.",
      }),
      doc.warnings?.length > 0 &&
        el(
          "ul",
          { class: "item-warnings small" },
          doc.warnings.map((each) => el("li", { text: warningWords(each) })),
        ),
      list,
      more,
    );
    load(doc, list, more, { after: 0, section: null, rows: null });
  }

  async function load(doc, list, more, state) {
    request = new AbortController();
    setChildren(more, el("p", { class: "quiet small loading", text: "Reading the passages" }));
    try {
      const query = { after: state.after, limit: AT_ONCE };
      const found = await getJson(path(["documents", doc.id, "chunks"], query), request.signal);
      for (const passage of found.passages) {
        if (passage.section !== state.section) {
          state.section = passage.section;
          state.rows = el("ol", { class: "chunk-list" });
          const headings = headingPath(passage.headings, "chunk-headings");
          list.append(el("section", { class: "chunk-section" }, headings, state.rows));
        }
        state.rows.append(passageNode(passage));
      }
      state.after = found.next_after;
      const empty = found.passages.length === 0 && list.childElementCount === 0;
      setChildren(
        more,
        empty &&
          el("p", { class: "quiet", text: "No passages: this document is not ready yet, or it failed." }),
        found.next_after !== null &&
          el("button", {
            type: "button",
            class: "button",
            testid: "chunks-more",
            text: "Show more",
            on: { click: () => load(doc, list, more, state) },
          }),
      );
      announce(`${plural(found.passages.length, "passage")} shown.`);
    } catch (error) {
      if (error.name === "AbortError") return;
      setChildren(
        more,
        errorBox(error, { retry: () => load(doc, list, more, state), testid: "chunks-error" }),
      );
    }
  }

  return {
    /** Shows the passages of a document; the focus goes back to what `opener()` gives. */
    open(doc, opener) {
      shown = doc.id;
      openerOf = opener;
      panel.take(owner);
      draw(doc);
      panel.focus();
    },
    /** Closes when it shows a document that is gone. */
    forget(id) {
      if (panel.owns(owner) && shown === id) panel.close();
    },
  };
}
