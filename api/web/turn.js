// One question with the places for its answer, and what the events of a stream mean. Decides nothing; `ask.js` does.

import { ApiError } from "./api.js";
import { el } from "./dom.js";
import { plural } from "./text.js";

// Reasons to stop that leave an answer without its end.
export const UNFINISHED = new Set([
  "incomplete",
  "length",
  "content_filter",
  "error",
  "cancelled",
  "deadline",
]);

// Earlier turns that are sent along while the service keeps no conversation itself, and the longest of them.
export const TURNS_SENT = 6;
const TURN_CHARS = 8000;

export const BROKEN = {
  code: "incomplete",
  message: "The answer broke off before it was finished.",
  hint: "Ask again: nothing of the unfinished answer is kept.",
  retryable: true,
};

export const NOTHING_YET = {
  status: 404,
  code: "not_found",
  message: "There is nothing in this collection to answer from.",
  hint: "Add documents to it, or use a key that may read those that are there.",
};

/** The data of an event. */
export function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw new ApiError({
      ...BROKEN,
      code: "unreadable",
      message: "The server sent an event that cannot be read.",
    });
  }
}

/** What was found, while the answer is still to come. */
export function retrievalWords(passages) {
  const documents = new Set(passages.map((passage) => passage.document_id)).size;
  if (passages.length === 0) return "Nothing was found that fits the question";
  return `Reading ${plural(passages.length, "passage")} from ${plural(documents, "document")}`;
}

/** A finished answer as an earlier turn: without the markers, which mean other footnotes in the next answer. */
export function plain(answer) {
  return answer.answer.replace(/\s*\[\d{1,4}\]/g, "").slice(0, TURN_CHARS);
}

/** Draws a question whose answer is to come. */
export function drawTurn(number, question) {
  const parts = {
    banner: el("div"),
    answer: el("div", { class: "answer", testid: "answer" }),
    status: el("p", { class: "turn-status quiet", testid: "turn-status" }),
    end: el("div", { class: "turn-end" }),
  };
  const node = el(
    "article",
    { class: "turn", testid: "turn", "data-state": "asking", "aria-label": `Question ${number}` },
    el("h2", { class: "question", text: question, testid: "turn-question" }),
    Object.values(parts),
  );
  return { turn: number, question, node, parts, citations: new Map(), claims: [] };
}
