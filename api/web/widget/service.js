// Talks to the service, with the publishable key, and turns every failure into one of the few kinds that the widget has
// words for. What the page's owner needs to know goes to the console, in the service's own words.

const KINDS = {
  401: "refused",
  403: "refused",
  404: "unknown",
  409: "changed",
  413: "tooLong",
  422: "tooLong",
  502: "busy",
  503: "busy",
  504: "slow",
  507: "busy",
};
const FINAL = new Set(["refused", "unknown", "tooLong", "quota"]);

/** A request that failed. `kind` names the words for it, `wait` is in seconds. */
export class Trouble extends Error {
  constructor(kind, { wait = 0, message = "" } = {}) {
    super(message || kind);
    this.kind = kind;
    this.wait = wait;
    this.retryable = !FINAL.has(kind);
  }
}

function tell(status, error) {
  const hint = error?.hint ? ` ${error.hint}` : "";
  console.warn(`Footnote: ${status} ${error?.code ?? ""}: ${error?.message ?? "no explanation"}${hint}`);
}

/** What an error body of the service means for the person who asks. */
export function troubleFrom(status, error, wait = 0) {
  tell(status, error);
  if (status === 429) return new Trouble(error?.code === "quota_exceeded" ? "quota" : "tooMany", { wait });
  return new Trouble(KINDS[status] ?? "other", { wait, message: error?.message });
}

async function post({ base, key }, path, json, signal) {
  let response;
  try {
    response = await fetch(new URL(path, base), {
      method: "POST",
      mode: "cors",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      headers: { "Content-Type": "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify(json),
      signal,
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    // A browser does not tell a refusal from a broken connection here, so the console names every cause.
    console.warn(
      `Footnote: ${base} could not be asked from ${location.origin}. It may be down; the key may be revoked or not ` +
        "list this origin; or connect-src in this page's content policy may not allow it.",
    );
    throw new Trouble("unreachable");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw troubleFrom(response.status, body?.error, Number(response.headers.get("Retry-After")) || 0);
}

/** The streamed response to a question. */
export function ask(config, question, signal) {
  return post(config, "v1/ask", { ...question, stream: true }, signal);
}

/** Rates an answer. */
export function rate(config, id, rating, comment) {
  return post(
    config,
    `v1/answers/${encodeURIComponent(id)}/feedback`,
    comment ? { rating, comment } : { rating },
  );
}
