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

/** A time in the unit that fits it. */
export function milliseconds(value) {
  if (value < 1) return "under 1 ms";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
}

/** US dollars, small amounts with the digits that they need. */
export function money(value) {
  if (value === 0) return "$0";
  const digits = value >= 1 ? 2 : Math.min(6, 2 - Math.floor(Math.log10(value)));
  return `$${value.toFixed(digits)}`;
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

/** What to say of a stretch of text that a model wrote of a picture in the file, in part or as a whole; else nothing. */
export function pictureLabel({ transcribed }) {
  return transcribed?.length > 0 ? "read off a picture by a model" : "";
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
  encrypted_pdf: {
    what: "This PDF is locked with a password.",
    todo: "Save a copy without the password and upload that.",
  },
  encrypted: { what: "This file is encrypted.", todo: "Decrypt it and upload the result." },
  corrupt_file: {
    what: "This file is damaged and cannot be opened.",
    todo: "Open it in the program that made it, save it again, and upload that.",
  },
  no_text: {
    what: "No text was found in this file.",
    todo: "If it is a scan, recognise its text first, or have tesseract installed where the service runs. If it is empty, there is nothing to add.",
  },
  vision_unavailable: {
    what: "This file is a scan, and the model that reads scans could not be asked.",
    todo: "Upload it again later.",
  },
  too_large: {
    what: "This file is larger than the service accepts.",
    todo: "Split it and upload the parts.",
  },
  limit_exceeded: {
    what: "Reading this file took more time or memory than is allowed.",
    todo: "Split it, or save it in a simpler format such as PDF or text.",
  },
  unsupported_type: {
    what: "Files of this kind cannot be read.",
    todo: "Save it as PDF, DOCX, HTML, Markdown or plain text.",
  },
  parser_unavailable: {
    what: "The service cannot read files at the moment.",
    todo: "Its operator finds the reason under Manage, Settings. Upload the file again afterwards.",
  },
  embedder_unavailable: {
    what: "The service's embedding model cannot be used.",
    todo: "Its operator finds the reason under Manage, Settings. Upload the file again afterwards.",
  },
  program_needed: {
    what: "Reading this scan needs a program that is not there.",
    todo: "Install tesseract where the service runs, or recognise the text before the upload.",
  },
};

/** Why a document failed, and what to do about it. */
export function failureWords(code) {
  return (
    FAILURES[code] ?? {
      what: "This file could not be read.",
      todo: "Try to save it in another format and upload that.",
    }
  );
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
