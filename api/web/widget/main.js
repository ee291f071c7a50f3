// Puts the widget together in a shadow root of its own: neither the page's styles nor its scripts reach into it by
// accident, and its own reach nothing of the page. Works under a content policy that allows no inline style or script.

import { el, icon, setChildren } from "../dom.js";
import { readConfig } from "./config.js";
import { LOOK } from "./look.js";
import { createQuote } from "./quote.js";
import { createTalk } from "./talk.js";
import { wordsFor } from "./words.js";

const NAME = "footnote-chat";
// On a screen this narrow the panel covers the page, and nothing behind it takes the focus.
const NARROW = "(max-width: 30rem)";

/** The element of the page that a selector means; null for none, and for what is no selector. */
function find(selector) {
  try {
    return document.querySelector(selector);
  } catch {
    return null;
  }
}

function makeHost(config, tag) {
  const host = document.createElement(NAME);
  host.setAttribute("theme", config.theme);
  host.setAttribute("side", config.side);
  if (config.accent) host.style.setProperty("--footnote-accent", config.accent);
  if (config.accentInk) host.style.setProperty("--footnote-accent-ink", config.accentInk);
  const target = config.target ? find(config.target) : null;
  if (config.target && !target)
    console.warn(`Footnote: there is no element ${config.target}; the widget floats.`);
  host.toggleAttribute("inline", Boolean(target));
  (target ?? document.body ?? tag.parentElement).append(host);
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOK);
  root.adoptedStyleSheets = [sheet];
  return { root, inline: Boolean(target) };
}

function composer(words, config, onSend, onStop) {
  const box = el("textarea", {
    id: "question",
    rows: 1,
    maxlength: 8000,
    placeholder: config.placeholder || words.placeholder,
    "aria-label": words.question,
    enterkeyhint: "send",
    testid: "widget-question",
  });
  const send = el(
    "button",
    { type: "submit", class: "send", "aria-label": words.send, title: words.send, testid: "widget-send" },
    icon("up"),
  );
  const stop = el(
    "button",
    {
      type: "button",
      class: "send",
      hidden: true,
      "aria-label": words.stop,
      title: words.stop,
      on: { click: onStop },
    },
    icon("stop"),
  );
  const form = el("form", { class: "composer" }, el("div", { class: "box" }, box, send, stop));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const question = box.value.trim();
    if (!question || send.hidden) return;
    box.value = "";
    onSend(question);
  });
  box.addEventListener("keydown", (event) => {
    // While an input method composes, Enter belongs to it.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  const setBusy = (busy) => {
    const focused = form.getRootNode().activeElement;
    send.hidden = busy;
    stop.hidden = !busy;
    // A button that goes away must not drop the focus to the page.
    if (focused === send || focused === stop) box.focus();
  };
  return { form, box, setBusy };
}

/** Starts the widget of one script tag. `base` is where the service is. */
export function start(tag, base) {
  const config = readConfig(tag, base);
  const { language, words } = wordsFor(config.language);
  const { root, inline } = makeHost(config, tag);
  const narrow = matchMedia(NARROW);

  const said = el("div", { class: "sr", role: "status", "aria-live": "polite", testid: "widget-said" });
  const speak = (text) => {
    said.append(el("p", { text }));
    while (said.childElementCount > 12) said.firstElementChild.remove();
  };
  const list = el("ol", { class: "turns" });
  const welcome = el("div", { class: "welcome" });
  const scroll = el(
    "div",
    { class: "scroll", role: "group", tabindex: 0, "aria-label": words.conversation },
    welcome,
    list,
  );
  const sheet = el("section", {
    class: "sheet",
    hidden: true,
    testid: "widget-sheet",
    "aria-label": words.sources,
  });
  const restart = el(
    "button",
    {
      type: "button",
      class: "plain square",
      hidden: true,
      "aria-label": words.restart,
      title: words.restart,
    },
    icon("again"),
  );
  const shut = el(
    "button",
    {
      type: "button",
      class: "plain square",
      "aria-label": words.close,
      title: words.close,
      testid: "widget-close",
    },
    icon("cross"),
  );
  const head = el(
    "div",
    { class: "head", part: "head" },
    el("h2", { id: "title", text: config.title || words.title }),
    restart,
    !inline && shut,
  );
  const below = composer(
    words,
    config,
    (question) => talk.begin(question),
    () => talk.stop(),
  );
  const behind = [head, scroll, below.form];
  const quote = createQuote({ sheet, behind, words, speak });
  const talk = createTalk({
    config,
    words,
    language,
    list,
    scroll,
    quote,
    speak,
    onBusy: (busy) => {
      below.setBusy(busy);
      welcome.hidden = list.childElementCount > 0;
      restart.hidden = busy || list.childElementCount === 0;
    },
  });
  setChildren(
    welcome,
    el("p", { text: config.greeting || words.greeting }),
    talk.choices(config.suggestions, words.followUps),
  );
  restart.addEventListener("click", () => {
    talk.restart();
    below.box.focus();
  });
  const note = config.note && el("p", { class: "note", text: config.note });
  const panel = el(
    inline ? "section" : "dialog",
    { class: "panel", part: "panel", lang: language, "aria-labelledby": "title", testid: "widget-panel" },
    head,
    scroll,
    below.form,
    note,
    sheet,
    said,
  );
  if (inline) {
    root.append(panel);
  } else {
    root.append(panel, launcher(panel, below.box));
  }
  panel.addEventListener("keydown", (event) => {
    // Of an open quote the first Escape closes only that.
    if (event.key !== "Escape" || event.isComposing) return;
    if (quote.close()) event.preventDefault();
    else if (!inline) {
      event.preventDefault();
      panel.close();
    }
  });

  function launcher(dialog, first) {
    const open = el(
      "button",
      {
        type: "button",
        class: "launcher",
        part: "launcher",
        lang: language,
        "aria-haspopup": "dialog",
        "aria-expanded": "false",
        testid: "widget-launcher",
      },
      icon("chat"),
      el("span", { text: config.label || words.label }),
    );
    const show = (focus) => {
      if (narrow.matches) dialog.showModal();
      else dialog.show();
      open.setAttribute("aria-expanded", "true");
      open.hidden = true;
      if (focus) first.focus();
    };
    open.addEventListener("click", () => show(true));
    shut.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      // Closed only to be opened again as the other kind of dialog.
      if (dialog.open) return;
      open.hidden = false;
      open.setAttribute("aria-expanded", "false");
      open.focus();
    });
    // A phone's gesture to go back, in a modal dialog.
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (!quote.close()) dialog.close();
    });
    narrow.addEventListener("change", () => {
      if (!dialog.open) return;
      const focused = root.activeElement;
      dialog.close();
      show(false);
      focused?.focus();
    });
    if (config.open) queueMicrotask(() => show(false));
    return open;
  }
}
