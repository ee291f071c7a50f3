// Builds page elements. Everything that comes from documents, models or the server enters the page as
// text nodes or plain attributes here: there is no path to markup, so there is nothing to escape.

const SVG = "http://www.w3.org/2000/svg";

/** Stroke paths on a 16 x 16 grid. */
const ICONS = {
  check: "M3.5 8.5l3 3 6-7",
  half: "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6zM8 2.2v11.6M10 4v8M12 5.5v5",
  none: "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6zM5.5 8h5",
  cross: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2.5l6 10.8H2zM8 6.5v3.2M8 11.5v.1",
  file: "M4 1.8h5l3 3v9.4H4zM9 1.8v3h3",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4",
  download: "M8 2.5v7.5M5 7.2l3 3 3-3M3 13.3h10",
  upload: "M8 10.5v-8M5 5.3l3-3 3 3M3 13.3h10",
  previous: "M10 3.5L5.5 8l4.5 4.5",
  next: "M6 3.5L10.5 8 6 12.5",
  wait: "M8 2.2a5.8 5.8 0 1 0 0 11.6a5.8 5.8 0 1 0 0-11.6zM8 5v3.2l2 1.3",
  thumb:
    "M5.2 7.4v6.1H2.6V7.4zM5.2 7.4l2.6-5c1 0 1.7.8 1.5 1.8L8.9 6.4h3.6c.8 0 1.3.7 1.1 1.5l-1.1 4.5c-.2.7-.7 1.1-1.4 1.1H5.2",
  down: "M10.8 8.6V2.5h2.6v6.1zM10.8 8.6l-2.6 5c-1 0-1.7-.8-1.5-1.8l.4-2.2H3.5c-.8 0-1.3-.7-1.1-1.5l1.1-4.5c.2-.7.7-1.1 1.4-1.1h5.9",
  up: "M8 13V3M3.8 7.2L8 3l4.2 4.2",
  stop: "M4.5 4.5h7v7h-7z",
  again: "M13 8a5 5 0 1 1-1.6-3.7M13 2.3v2.6h-2.6",
  chat: "M2.5 3h11v8H7.5l-3 2.6V11h-2zM5.3 5.9h5.4M5.3 8.2h3.4",
  parts: "M2.5 3h11M2.5 6.3h7M2.5 9.7h11M2.5 13h5",
  trace: "M3.5 3.2h.1M3.5 8h.1M3.5 12.8h.1M6.5 3.2h7M6.5 8h5M6.5 12.8h6",
  key: "M7.6 8a2.7 2.7 0 1 1-5.4 0a2.7 2.7 0 0 1 5.4 0zM7.6 8h6.2M11.2 8v2.2M13.8 8v2.6",
  enlarge: "M9.5 2.5h4v4M13.5 2.5l-4.5 4.5M6.5 13.5h-4v-4M2.5 13.5l4.5-4.5",
};

// Signs that turn the order of letters, letters that are never shown, and others without a form. The flags of England,
// Scotland and Wales are spelt in such letters and stay.
const UNSEEN =
  /(\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,6}\u{E007F})|[\u{E0000}-\u{E007F}]+|[\u202A-\u202E\u2066-\u2069]+|[\u200B\u2060-\u2064\uFEFF]{2,}|[\u0000-\u0008\u000B\u000E-\u001F\u007F-\u0084\u0086-\u009F]+/gu;

/** A text as it is put into the page: what nobody would see becomes one mark that everybody sees. */
export function visible(text) {
  return String(text).replace(UNSEEN, (found, flag) => flag ?? "\uFFFD");
}

/**
 * Makes an element. `attributes` takes attribute names, plus `class`, `text`, `testid`, and `on` with
 * listeners by event name; null, undefined and false leave an attribute out. Children are nodes or strings.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = visible(value);
    else if (name === "testid") node.setAttribute("data-testid", value);
    else if (name === "on")
      for (const [type, listener] of Object.entries(value)) node.addEventListener(type, listener);
    else if (name === "title" || name === "aria-label") node.setAttribute(name, visible(value));
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...present(children));
  return node;
}

/** Replaces what an element holds; null, undefined and false children are left out, as in `el`. */
export function setChildren(node, ...children) {
  node.replaceChildren(...present(children));
}

function present(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false && child !== "")
    .map((child) => (typeof child === "string" ? visible(child) : child));
}

/** A decorative icon: the words beside it carry the meaning. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** The element with this id; the page is broken without it, so a missing one is an error. */
export function byId(id) {
  const node = document.getElementById(id);
  if (node === null) throw new Error(`The page lacks the element #${id}: reload it.`);
  return node;
}

/** Says something to a screen reader. Earlier messages stay a while, so that none is cut off by the next. */
export function announce(message) {
  const region = byId("announcer");
  region.append(el("p", { text: message }));
  while (region.childElementCount > 20) region.firstElementChild.remove();
}

/** Headings from the outermost to the innermost, or null where there are none. */
export function headingPath(headings, testid) {
  if (!headings?.length) return null;
  return el(
    "ol",
    { class: "path small", "aria-label": "Headings", testid },
    headings.map((heading) => el("li", { text: heading })),
  );
}

/** What went wrong, what to do, and a button to try again. */
export function errorBox(
  error,
  { retry = null, retryLabel = "Try again", title = null, testid = "error" } = {},
) {
  return el(
    "div",
    { class: "notice notice-bad", role: "alert", testid },
    icon("warning"),
    el(
      "div",
      { class: "notice-body" },
      title && el("p", { class: "notice-title", text: title }),
      el("p", { text: error.message, testid: "error-message" }),
      error.hint && el("p", { class: "quiet", text: error.hint, testid: "error-hint" }),
      error.code &&
        el(
          "p",
          { class: "quiet small" },
          el("code", { text: error.code }),
          error.traceId ? ` trace ${error.traceId}` : "",
        ),
      retry &&
        el("button", {
          type: "button",
          class: "button",
          testid: "retry",
          text: retryLabel,
          on: { click: retry },
        }),
    ),
  );
}
