// Questions and their streamed answers. A turn is drawn sentence by sentence as the service verifies it;
// an answer that breaks off is marked as unfinished and never looks like a finished one.

import { ApiError, openStream, path, readJson } from "./api.js";
import {
  answerNodes,
  confidenceNode,
  disagreementList,
  factsNode,
  followUps,
  footnoteList,
  streamedClaim,
} from "./answer.js";
import { announce, byId, el, errorBox, icon, setChildren } from "./dom.js";
import { feedback } from "./feedback.js";
import { readEvents } from "./sse.js";
import { LEVELS, VERDICTS, percent, plural } from "./text.js";
import { BROKEN, NOTHING_YET, TURNS_SENT, UNFINISHED, drawTurn, parse, plain, retrievalWords } from "./turn.js";

/** Wires the question box. `source` and `trace` are what opens beside it; `collection()` names what is asked. */
export function createAsk({ collection, source, trace }) {
  const turns = byId("turns");
  const scroll = byId("ask-scroll");
  const box = byId("question");
  const submit = byId("ask-submit");
  const stop = byId("stop");
  const over = byId("new-conversation");
  let number = 0;
  let conversation = null;
  let said = [];
  let running = null;

  function follow() {
    scroll.scrollTo({ top: scroll.scrollHeight, behavior: "instant" });
  }

  function makeTurn(question) {
    number += 1;
    const turn = { ...drawTurn(number, question), before: conversation, earlier: [...said] };
    turns.append(turn.node);
    turn.onFootnote = (wanted, opener) => openFootnote(turn, wanted, opener);
    return turn;
  }

  function openFootnote(turn, wanted, opener) {
    const list = [...turn.citations.values()].sort((a, b) => a.number - b.number);
    const index = list.findIndex((citation) => citation.number === wanted);
    if (index < 0) {
      announce(`Footnote ${wanted} is still on its way.`);
      return;
    }
    const first = list[index].number;
    source.open({
      list,
      index,
      opener: (item) =>
        (item.number === first && document.getElementById(opener)) ||
        turn.node.querySelector(`[data-testid="footnote"][data-number="${item.number}"]`) ||
        document.getElementById(`note-${turn.turn}-${item.number}`) ||
        document.getElementById(opener),
    });
  }

  function setStatus(turn, words) {
    setChildren(turn.parts.status, words && el("span", { class: "dots", "aria-hidden": "true" }), words);
  }

  function addClaim(turn, claim) {
    const index = turn.claims.length;
    const near = atEnd();
    if (index > 0) turn.parts.answer.append(" ");
    turn.claims.push(claim);
    turn.parts.answer.append(streamedClaim(claim, index, turn));
    setStatus(turn, "Checking the next sentence");
    announce(`${claim.text} ${VERDICTS[claim.verdict]?.label ?? claim.verdict}.`);
    if (near) follow();
  }

  /** Whether the reader is at the end, and so wants to see what comes. */
  function atEnd() {
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 120;
  }

  function finish(turn, answer) {
    // The finished answer is longer than the screen more often than not: show it from its question on.
    if (atEnd()) queueMicrotask(() => turn.node.scrollIntoView({ block: "start", behavior: "instant" }));
    conversation = answer.conversation_id ?? conversation;
    turn.citations = new Map((answer.citations ?? []).map((citation) => [citation.number, citation]));
    // Drawing the whole answer replaces the streamed sentences: a focused footnote gets its focus back.
    const focused = turn.node.contains(document.activeElement) ? document.activeElement.id : "";
    turn.short = answer.abstained ? "" : (answer.short_answer?.text ?? "");
    setChildren(turn.parts.answer, answerNodes(answer, turn));
    if (focused) document.getElementById(focused)?.focus();
    source.refresh();
    setStatus(turn, "");
    if (UNFINISHED.has(answer.finish_reason)) {
      breakOff(turn, new ApiError({ ...BROKEN, code: answer.finish_reason }));
      return;
    }
    const citations = [...turn.citations.values()].sort((a, b) => a.number - b.number);
    turn.node.dataset.state = answer.abstained ? "abstained" : "done";
    said = [
      ...turn.earlier,
      { role: "user", content: turn.question },
      { role: "assistant", content: plain(answer) },
    ].slice(-TURNS_SENT);
    if (answer.abstained) {
      setChildren(
        turn.parts.banner,
        el(
          "p",
          { class: "abstained", testid: "abstained" },
          icon("none"),
          el("strong", { text: "No answer" }),
        ),
      );
    }
    setChildren(
      turn.parts.end,
      confidenceNode(answer.confidence, answer.abstained),
      disagreementList(answer.disagreements ?? []),
      footnoteList(citations, turn, answer.abstained ? "Nearest passages" : "Footnotes"),
      factsNode(answer, trace.open),
      answer.id && !answer.abstained && feedback(answer.id),
      followUps(answer.follow_ups ?? [], ask),
    );
    const confidence = answer.confidence
      ? `${LEVELS[answer.confidence.level] ?? ""}, ${percent(answer.confidence.value)}.`
      : "";
    announce(
      answer.abstained
        ? `No answer. ${answer.answer} ${plural(citations.length, "near passage")}.`
        : `Answer finished with ${plural(citations.length, "footnote")}. ${confidence}`,
    );
  }

  function breakOff(turn, error) {
    const begun = turn.claims.length > 0 || turn.parts.answer.childNodes.length > 0;
    turn.node.dataset.state = begun ? "incomplete" : "error";
    setStatus(turn, "");
    setChildren(
      turn.parts.end,
      errorBox(error, {
        title: begun ? "Unfinished answer: its end is missing" : "No answer",
        retry: () => run(turn),
        retryLabel: error.retryable ? "Try again" : "Ask again",
        testid: begun ? "incomplete" : "error",
      }),
    );
    follow();
  }

  async function receive(turn, signal) {
    const question = {
      question: turn.question,
      collection: collection(),
      // Written out as null it begins a conversation, where the service keeps any.
      conversation_id: turn.before,
      ...(turn.before ? {} : { history: turn.earlier }),
      mode: byId("ask-mode").value,
      stream: true,
    };
    const response = await openStream("POST", path(["ask"]), { json: question, signal }).catch((error) => {
      if (error.status !== 404) throw error;
      if (!turn.before) throw new ApiError({ ...NOTHING_YET, traceId: error.traceId });
      // The conversation is over or deleted: what this page still knows of it goes along instead.
      turn.before = null;
      return null;
    });
    if (response === null) {
      await receive(turn, signal);
      return;
    }
    if (!response.headers.get("Content-Type")?.includes("text/event-stream")) {
      finish(turn, await readJson(response));
      return;
    }
    for await (const { event, data } of readEvents(response)) {
      if (event === "retrieval") setStatus(turn, retrievalWords(parse(data).passages ?? []));
      else if (event === "claim") addClaim(turn, parse(data));
      else if (event === "citation") {
        const citation = parse(data);
        turn.citations.set(citation.number, citation);
      } else if (event === "done") {
        finish(turn, parse(data));
        return;
      } else if (event === "error") {
        const { error } = parse(data);
        throw new ApiError({ ...BROKEN, ...error, traceId: error?.trace_id ?? "" });
      }
    }
    throw new ApiError(BROKEN);
  }

  async function run(turn) {
    running?.abort();
    const control = new AbortController();
    running = control;
    turn.claims = [];
    turn.citations.clear();
    turn.node.dataset.state = "asking";
    for (const part of Object.values(turn.parts)) part.replaceChildren();
    setStatus(turn, "Searching the documents");
    setBusy(true);
    follow();
    try {
      await receive(turn, control.signal);
    } catch (error) {
      if (error.name === "AbortError") {
        breakOff(
          turn,
          new ApiError({ ...BROKEN, code: "stopped", message: "You stopped this answer.", hint: "" }),
        );
      } else if (error instanceof ApiError) breakOff(turn, error);
      // A connection that breaks in the middle of a stream surfaces as a TypeError of the reader.
      else if (error instanceof TypeError) breakOff(turn, new ApiError(BROKEN));
      else {
        breakOff(turn, new ApiError(BROKEN));
        throw error;
      }
    } finally {
      if (running === control) {
        running = null;
        setBusy(false);
      }
    }
  }

  function setBusy(busy) {
    stop.hidden = !busy;
    submit.hidden = busy;
    over.hidden = busy || turns.childElementCount === 0;
  }

  function ask(question) {
    byId("ask-empty").hidden = true;
    run(makeTurn(question));
  }

  function reset() {
    running?.abort();
    running = null;
    source.close();
    trace.close();
    conversation = null;
    said = [];
    turns.replaceChildren();
    byId("ask-empty").hidden = false;
    setBusy(false);
  }

  byId("ask-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const question = box.value.trim();
    if (!question || running) return;
    box.value = "";
    ask(question);
  });
  box.addEventListener("keydown", (event) => {
    // Enter sends, Shift+Enter breaks the line; while an input method composes, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("ask-form").requestSubmit();
  });
  stop.addEventListener("click", () => {
    running?.abort();
    box.focus();
  });
  over.addEventListener("click", () => {
    reset();
    box.focus();
  });

  return {
    reset,
    /** Takes the words of a deleted document out of the footnotes on the page. */
    forget(id) {
      for (const note of turns.querySelectorAll("[data-document]")) {
        if (note.dataset.document !== id) continue;
        note.querySelector(".note-quote").textContent = "This document has been deleted since.";
      }
    },
  };
}
