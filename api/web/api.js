// The only module that talks to the service. Adds the key, turns every failure into an ApiError with the
// server's own words, and refuses to request anything outside this origin.

const KEY_NAME = "footnote-key";

/** A request that failed, in the terms of the service's error body. */
export class ApiError extends Error {
  constructor({ status = 0, code = "error", message, hint = "", retryable = false, traceId = "" }) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.retryable = retryable;
    this.traceId = traceId;
  }
}

/** Told on each 401, with whether a key was refused; the page then asks for one. */
export const keyWanted = new EventTarget();

export function readKey() {
  return sessionStorage.getItem(KEY_NAME) ?? "";
}

export function storeKey(key) {
  if (key) sessionStorage.setItem(KEY_NAME, key);
  else sessionStorage.removeItem(KEY_NAME);
}

/** The path and query of a URL of this service's API, or null for every other URL. */
export function ownPath(url) {
  if (typeof url !== "string" || url === "") return null;
  if (!URL.canParse(url, location.origin)) return null;
  const parsed = new URL(url, location.origin);
  if (parsed.origin !== location.origin || !parsed.pathname.startsWith("/v1/")) return null;
  return parsed.pathname + parsed.search;
}

/** `/v1/...` from path segments and query values, each escaped; null and undefined values are left out. */
export function path(segments, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) parameters.set(name, value);
  }
  const tail = parameters.size > 0 ? `?${parameters}` : "";
  return `/v1/${segments.map((segment) => encodeURIComponent(segment)).join("/")}${tail}`;
}

export function authorization() {
  const key = readKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** The error that a response body describes; a body in another form gives one made from the status. */
export function errorFrom(status, body, retryAfter = null) {
  if (status === 401) keyWanted.dispatchEvent(new CustomEvent("wanted", { detail: readKey() !== "" }));
  const stated = body?.error;
  const wait = retryAfter ? `Wait ${retryAfter} seconds, then try again.` : "";
  if (stated?.message) {
    return new ApiError({
      status,
      code: stated.code,
      message: stated.message,
      hint: stated.hint || wait,
      retryable: Boolean(stated.retryable),
      traceId: stated.trace_id ?? "",
    });
  }
  return new ApiError({
    status,
    code: `http_${status}`,
    message: `The server answered with status ${status} and no explanation.`,
    hint: wait || "Its log says more.",
    retryable: status >= 500 || status === 429,
  });
}

export const UNREACHABLE = {
  code: "unreachable",
  message: "The server cannot be reached.",
  hint: "Check that it is running and that this machine is connected, then try again.",
  retryable: true,
};

async function send(method, url, { json, signal, accept = "application/json" } = {}) {
  const headers = { Accept: accept, ...authorization() };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(url, {
      method,
      headers,
      signal,
      body: json === undefined ? undefined : JSON.stringify(json),
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw errorFrom(response.status, body, response.headers.get("Retry-After"));
}

/** What a response says; a body in another form, as of a gateway or a sign-in page in between, is an ApiError. */
export async function readJson(response) {
  try {
    return await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({
      code: "unreadable",
      message: "The server's answer cannot be read.",
      hint: "Something between this page and the service may have answered instead, such as a sign-in page. Reload the page.",
      retryable: true,
    });
  }
}

export async function getJson(url, signal) {
  return readJson(await send("GET", url, { signal }));
}

/** The state of the service's parts, whether or not it is ready. */
export async function readiness() {
  const response = await fetch("/readyz", { cache: "no-store" }).catch(() => null);
  const body = await response?.json().catch(() => null);
  return body ?? { status: "not known", parts: {} };
}

export async function postJson(url, json, signal) {
  return readJson(await send("POST", url, { json, signal }));
}

export async function remove(url) {
  return readJson(await send("DELETE", url));
}

export async function getBlob(url, signal) {
  return (await send("GET", url, { signal, accept: "*/*" })).blob();
}

/** A response whose body is a stream of server-sent events. */
export function openStream(method, url, { json, signal } = {}) {
  return send(method, url, { json, signal, accept: "text/event-stream" });
}
