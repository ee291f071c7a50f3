// The conversation: questions, their streamed answers, and what went wrong with them. An answer that breaks off is
// marked as unfinished and never looks like a finished one.

import { el, icon, setChildren } from "../dom.js";
import { readEvents } from "../sse.js";
import { arriving, assurance, disagreements, sources, wholeAnswer } from "./claims.js";
import { rating } from "./rating.js";
import { Trouble, ask, troubleFrom } from "./service.js";

// Reasons to stop that leave an answer without its end.
const UNFINISHED = new Set(["incomplete", "length", "content_filter", "error", "cancelled", "deadline"]);
// Earlier turns that are sent along while the service keeps no conversation itself, and the longest one.
const TURNS = 8;
const TURN_CHARS = 4000;

function withoutMarkers(text) {
  return text.replace(/\s*\[\d{1,4}\]/g, "").slice(0, TURN_CHARS);
}

/** Wires the conversation into `list`. `onBusy(busy)` is told when an answer begins and ends. */
export function createTalk({ config, words, language, list, scroll, quote, speak, onBusy }) {
  let turns = [];
  let conversation = null;
  let running = null;

  function describe(error) {
    const found = words.troubles[error.kind] ?? words.troubles.other;
    if (typeof found === "string") return found;
    const wait = Math.max(1, error.wait || 30);
    return found(wait < 120 ? words.seconds(wait) : words.minutes(Math.ceil(wait / 60)));
  }

  function history() {
    return turns
      .filter((turn) => turn.answer)
      .slice(-TURNS / 2)
      .flatMap((turn) => [
        { role: "user", content: turn.question },
        { role: "assistant", content: withoutMarkers(turn.answer.answer) },
      ]);
  }

  function atEnd() {
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
  }

  function toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
  }

  function makeTurn(question) {
    const parts = {
      answer: el("div", { class: "answer", testid: "widget-answer" }),
      status: el("p", { class: "status" }),
      end: el("div", { class: "end" }),
    };
    const node = el(
      "li",
      { class: "turn", testid: "widget-turn", "data-state": "asking" },
      el("p", { class: "asked" }, el("span", { class: "sr", text: `${words.asked}: ` }), question),
      el(
        "div",
        { class: "reply", role: "group", "aria-label": words.answered },
        parts.answer,
        parts.status,
        parts.end,
      ),
    );
    list.append(node);
    const turn = { question, node, parts, citations: new Map(), claims: 0, answer: null };
    turn.onFootnote = (number, button) => {
      if (turn.citations.has(number)) {
        quote.open(turn.citations, number, button, { nearest: Boolean(turn.answer?.abstained) });
      }
    };
    return turn;
  }

  function status(turn, text) {
    setChildren(turn.parts.status, text && el("span", { class: "dot", "aria-hidden": "true" }), text);
  }

  function addClaim(turn, claim) {
    const follow = atEnd();
    if (turn.claims > 0) turn.parts.answer.append(" ");
    turn.claims += 1;
    turn.parts.answer.append(arriving(claim, turn, words));
    status(turn, words.checking);
    speak(
      claim.verdict === "supported" ? claim.text : `${claim.text} ${words.verdicts[claim.verdict] ?? ""}`,
    );
    if (follow) toEnd();
  }

  function finish(turn, answer) {
    turn.answer = answer;
    conversation = answer.conversation_id ?? conversation;
    turn.citations = new Map((answer.citations ?? []).map((citation) => [citation.number, citation]));
    // The service's own sentence for no answer would say the same once more.
    const bare = answer.abstained && !answer.claims?.length;
    setChildren(turn.parts.answer, bare ? null : wholeAnswer(answer, turn, words));
    status(turn, "");
    turn.node.dataset.state = answer.abstained ? "abstained" : "done";
    setChildren(
      turn.parts.end,
      answer.abstained && el("p", { class: "abstained", testid: "widget-abstained", text: words.abstained }),
      assurance(answer, words, language),
      disagreements(answer, words),
      sources(turn, words, answer.abstained ? words.nearest : words.sources),
      answer.id && !answer.abstained && rating(config, answer.id, words, speak, describe),
      choices(answer.follow_ups ?? [], words.followUps),
    );
    // A long answer is read from its question on.
    turn.node.scrollIntoView({ block: "start", behavior: "instant" });
    speak(answer.abstained ? words.abstained : words.finished(turn.citations.size));
  }

  function breakOff(turn, error) {
    const begun = turn.claims > 0;
    turn.node.dataset.state = "broken";
    status(turn, "");
    setChildren(
      turn.parts.end,
      el(
        "div",
        { class: "fault", role: "alert", testid: "widget-fault", "data-kind": error.kind },
        el(
          "p",
          {},
          icon("warning"),
          el("span", { text: error.kind === "stopped" ? words.stopped : describe(error) }),
        ),
        begun && el("p", { class: "quiet", text: words.unfinished }),
        (error.retryable || error.kind === "stopped") &&
          el("button", {
            type: "button",
            class: "button",
            testid: "widget-retry",
            text: words.again,
            on: { click: () => run(turn) },
          }),
      ),
    );
    toEnd();
  }

  function choices(questions, heading) {
    if (questions.length === 0) return null;
    return el(
      "div",
      { class: "choices", role: "group", "aria-label": heading, testid: "widget-choices" },
      questions.map((question) =>
        el("button", {
          type: "button",
          class: "choice",
          text: question,
          on: { click: () => begin(question) },
        }),
      ),
    );
  }

  function take(turn, event, data) {
    if (event === "retrieval") {
      const found = data.passages ?? [];
      const documents = new Set(found.map((passage) => passage.document_id)).size;
      status(turn, found.length > 0 ? words.reading(found.length, documents) : words.nothing);
    } else if (event === "claim") addClaim(turn, data);
    else if (event === "citation") turn.citations.set(data.number, data);
    else if (event === "error")
      throw troubleFrom(data.error?.code === "shutting_down" ? 503 : 200, data.error);
    else if (event === "done") {
      if (UNFINISHED.has(data.finish_reason)) throw new Trouble("broken");
      finish(turn, data);
      return true;
    }
    return false;
  }

  async function receive(turn, signal) {
    const question = { question: turn.question, collection: config.collection, mode: config.mode };
    // Written out as null it begins a conversation, where the service keeps any.
    question.conversation_id = conversation;
    if (!conversation) question.history = history();
    const response = await ask(config, question, signal).catch((error) => {
      if (error.kind !== "unknown" || !conversation) throw error;
      // The conversation is over: what the widget still knows of it goes along instead.
      conversation = null;
      return null;
    });
    if (response === null) {
      await receive(turn, signal);
      return;
    }
    for await (const { event, data } of readEvents(response)) {
      if (take(turn, event, JSON.parse(data))) return;
    }
    throw new Trouble("broken");
  }

  async function run(turn) {
    running?.abort();
    const control = new AbortController();
    running = control;
    turn.claims = 0;
    turn.citations.clear();
    turn.node.dataset.state = "asking";
    setChildren(turn.parts.answer);
    setChildren(turn.parts.end);
    status(turn, words.searching);
    speak(words.searching);
    onBusy(true);
    toEnd();
    try {
      await receive(turn, control.signal);
    } catch (error) {
      if (error.name === "AbortError") breakOff(turn, new Trouble("stopped"));
      else if (error instanceof Trouble) breakOff(turn, error);
      else {
        // A connection that breaks in the middle, or an event that cannot be read.
        console.warn("Footnote: the answer broke off.", error);
        breakOff(turn, new Trouble("broken"));
      }
    } finally {
      if (running === control) {
        running = null;
        onBusy(false);
      }
    }
  }

  function begin(question) {
    if (running) return;
    const turn = makeTurn(question);
    turns.push(turn);
    run(turn);
  }

  return {
    begin,
    choices,
    stop: () => running?.abort(),
    /** Forgets everything that was said. */
    restart() {
      running?.abort();
      running = null;
      conversation = null;
      turns = [];
      list.replaceChildren();
      onBusy(false);
    },
  };
}
