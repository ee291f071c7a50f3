// Pure functions over text: code point offsets, the parts of an answer, and plain words for what the
// service reports in codes. Nothing here touches the page or the network.

/** The part of `text` between two offsets counted in code points, as the service counts them. */
export function slicePoints(text, start, end) {
  return Array.from(text).slice(start, end).join("");
}

/**
 * Splits one sentence into strings and footnote numbers.
 *
 * A marker such as `[2]` becomes a number where the claim cites 2, or where it closes the sentence and is a
 * citation of this answer; every other bracket is the document's own and stays text. Citations that the text
 * has no marker for are put at the end, and white space after the sentence is left out.
 */
export function claimPieces(text, cited, known) {
  const pieces = [];
  const seen = new Set();
  const marker = /\s*\[(\d{1,4})\]/g;
  const body = text.trimEnd();
  let at = 0;
  for (const match of body.matchAll(marker)) {
    const number = Number(match[1]);
    const closes = /^(\s*\[\d{1,4}\])*[.!?…"'”’)]*$/u.test(body.slice(match.index + match[0].length));
    if (!cited.includes(number) && !(closes && known.has(number))) continue;
    if (match.index > at) pieces.push(body.slice(at, match.index));
    if (!seen.has(number)) pieces.push(number);
    seen.add(number);
    at = match.index + match[0].length;
  }
  if (at < body.length) pieces.push(body.slice(at));
  for (const number of cited) {
    if (!seen.has(number)) pieces.push(number);
    seen.add(number);
  }
  return pieces;
}

/**
 * The finished answer as a list of `{text}` and `{claim, index, pieces}` in reading order.
 *
 * Markers that stand between two claims belong to the claim before them.
 */
export function answerParts(answer, claims, known) {
  const points = Array.from(answer);
  const ordered = claims
    .map((claim, index) => ({ claim, index }))
    .sort((a, b) => a.claim.start - b.claim.start);
  const parts = [];
  let at = 0;

  const between = (text) => {
    const last = parts.at(-1);
    const lead = last?.claim ? /^(?:\s*\[\d{1,4}\])+/.exec(text) : null;
    if (lead) {
      for (const [, digits] of lead[0].matchAll(/\[(\d{1,4})\]/g)) {
        const number = Number(digits);
        if (known.has(number) && !last.pieces.includes(number)) last.pieces.push(number);
      }
    }
    const rest = lead ? text.slice(lead[0].length) : text;
    if (rest) parts.push({ text: rest });
  };

  for (const { claim, index } of ordered) {
    const start = Math.max(claim.start, at);
    const end = Math.max(start, Math.min(claim.end, points.length));
    between(points.slice(at, start).join(""));
    const text = points.slice(start, end).join("");
    // Citations without a marker inside the claim may have theirs right behind it: look there first.
    const behind = /^(?:\s*\[\d{1,4}\])*/.exec(points.slice(end, end + 80).join(""))[0];
    parts.push({ claim, index, pieces: claimPieces(text.trimEnd() + behind, claim.citations ?? [], known) });
    const trailing = text.slice(text.trimEnd().length);
    if (trailing) parts.push({ text: trailing });
    at = end + Array.from(behind).length;
  }
  between(points.slice(at).join(""));
  return parts;
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

export function percent(value) {
  return `${Math.round(value * 100)}\u202f%`;
}

export function bytes(count) {
  if (count < 1000) return plural(count, "byte");
  const units = ["kB", "MB", "GB"];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** "Page 3", "Pages 3 to 4", or an empty string for a text without pages. */
export function pageLabel(pages) {
  if (!Array.isArray(pages) || pages.length === 0) return "";
  const first = pages[0];
  const last = pages.at(-1);
  return first === last ? `Page ${first}` : `Pages ${first} to ${last}`;
}

/** A document's own title, or its file name where it states none. */
export function titleOf(item) {
  return item.title || item.filename || "Untitled document";
}

export const VERDICTS = {
  supported: { icon: "check", label: "Supported", meaning: "The cited text says this." },
  partial: { icon: "half", label: "Partly supported", meaning: "The cited text says only part of this." },
  unsupported: { icon: "none", label: "Not supported", meaning: "No text was found that says this." },
  contradicted: { icon: "cross", label: "Contradicted", meaning: "The cited text says otherwise." },
};

export const LEVELS = { high: "High confidence", medium: "Medium confidence", low: "Low confidence" };

export const STATUSES = {
  queued: { icon: "wait", label: "Waiting" },
  parsing: { icon: "wait", label: "Reading" },
  embedding: { icon: "wait", label: "Indexing" },
  ready: { icon: "check", label: "Ready" },
  failed: { icon: "warning", label: "Failed" },
  deleted: { icon: "trash", label: "Deleted" },
};

const FAILURES = {
  encrypted_pdf: "This PDF is locked with a password.",
  encrypted: "This file is encrypted.",
  corrupt_file: "This file is damaged and cannot be opened.",
  no_text: "No text was found in this file. A scan needs text recognition first.",
  too_large: "This file is larger than the service accepts.",
  limit_exceeded: "Reading this file took more time or memory than is allowed.",
  unsupported_type: "Files of this kind cannot be read.",
};

export function failureWords(code) {
  return FAILURES[code] ?? "This file could not be read.";
}

/** Something that readers of the original do not see, as one sentence. */
export function warningWords({ message, count, kept }) {
  return `${message}: ${count.toLocaleString("en")}, ${kept ? "kept in the stored text" : "left out"}.`;
}

/** What a deletion's receipt says was removed, as one sentence. */
export function receiptWords(removed) {
  const words = [];
  if (Number.isFinite(removed?.passages)) words.push(plural(removed.passages, "passage"));
  if (Number.isFinite(removed?.vectors)) words.push(plural(removed.vectors, "vector"));
  if (Number.isFinite(removed?.cached_answers)) words.push(plural(removed.cached_answers, "stored answer"));
  if (removed?.original) words.push("the original file");
  return words.length > 0 ? `Removed: ${words.join(", ")}.` : "Nothing of it was left to remove.";
}

const SIGNALS = {
  passage_cosine: "How well the best passage matches the question",
  passage_margin: "How far the best passage stands out from the fifth",
  views_agree: "How far search by meaning and search by words agree",
  sentence_cosine: "How well the best sentence matches the question",
  sentence_coverage: "Share of the question's words in that sentence",
  context_coverage: "Share of the question's words around it",
  rarest_covered: "Whether the question's rarest word is there",
  names_covered: "Share of the question's names that are there",
  numbers_covered: "Share of the question's numbers that are there",
  type_match: "Whether the sentence has the kind of thing asked for",
  sentence_answers: "Log-odds that the passages found hold the answer",
  support: "Support of the weakest sentence",
  unsupported_share: "Share of sentences without support",
  invented_keys: "Footnotes that the model made up (removed)",
  altered_quotes: "Quotations that no source contains (removed)",
  dropped_share: "Sentences that no source carries (removed)",
  rewritten_share: "Sentences that were asked for again",
  disagreements: "Other passages that say otherwise",
};

/** A signal's name in plain words; an unknown name loses its underscores and nothing else. */
export function signalWords(name) {
  if (SIGNALS[name]) return SIGNALS[name];
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function signalValue(value) {
  if (value === null || value === undefined) return "not known";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number")
    return Number.isInteger(value) ? value.toLocaleString("en") : value.toFixed(2);
  if (typeof value === "object") return "value" in value ? signalValue(value.value) : JSON.stringify(value);
  return String(value);
}
