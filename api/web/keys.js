// Keys: the list, a new one, another secret, revoking. A token is shown once, by the answer that makes it.

import { getJson, path, postJson, readKey, remove, storeKey } from "./api.js";
import { confirmDialog } from "./dialog.js";
import { announce, el, errorBox, icon } from "./dom.js";
import { keyForm } from "./keyform.js";

const HOUR = 3600;

function date(seconds) {
  return new Date(seconds * 1000).toLocaleDateString("en-GB", { dateStyle: "medium" });
}

function stateOf(key) {
  const now = Date.now() / 1000;
  if (key.revoked_at) return { live: false, words: `Revoked on ${date(key.revoked_at)}` };
  if (key.expires_at && key.expires_at <= now)
    return { live: false, words: `Expired on ${date(key.expires_at)}` };
  return { live: true, words: key.expires_at ? `Expires on ${date(key.expires_at)}` : "Does not expire" };
}

function limitWords(limits) {
  return [
    limits.requests_per_minute !== null &&
      `${limits.requests_per_minute.toLocaleString("en")} requests a minute`,
    limits.questions_per_day !== null && `${limits.questions_per_day.toLocaleString("en")} questions a day`,
    limits.upload_bytes_per_day !== null && `${limits.upload_bytes_per_day.toLocaleString("en")} bytes a day`,
    limits.usd_per_day !== null && `$${limits.usd_per_day} a day`,
  ].filter(Boolean);
}

/** The script tag for a publishable key. */
function snippet(made) {
  const collection = made.scopes[0].slice("publishable:".length);
  return `<script src="${location.origin}/widget.js" data-collection="${collection}" data-key="${made.token}" defer></script>`;
}

function copyable(label, text, testid) {
  const said = el("span", { class: "quiet small", role: "status" });
  const field = el("textarea", {
    class: "token",
    readonly: true,
    rows: text.length > 100 ? 3 : 1,
    "aria-label": label,
    testid,
  });
  field.value = text;
  const copy = async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = "Copied.";
    } catch {
      // Without permission to the clipboard the text is selected, and the keyboard copies it.
      said.textContent = "Selected: copy it with the keyboard.";
    }
  };
  return el(
    "div",
    { class: "copy" },
    field,
    el("button", { type: "button", class: "button", text: "Copy", on: { click: copy } }),
    said,
  );
}

function shownOnce(made, own) {
  const publishable = made.scopes[0].startsWith("publishable:");
  return el(
    "section",
    { class: "notice made", tabindex: -1, testid: "key-made" },
    icon("key"),
    el(
      "div",
      { class: "notice-body" },
      el("h3", { text: `The key “${made.name}”` }),
      el("p", { text: "It is shown this once. Only a hash of it is kept." }),
      copyable("Key", made.token, "key-token"),
      publishable && el("p", { text: "For the pages that it lists, before </body>:" }),
      publishable && copyable("Script tag", snippet(made), "key-snippet"),
      own &&
        el("p", {
          class: "quiet",
          text: "From now on every request needs a key. This page uses this one until you close its tab.",
        }),
    ),
  );
}

/** Makes the view. `collections()` names what keys can be for, `onKey()` is called when the page's own key has changed. */
export function createKeys({ collections, onKey }) {
  let made = null;

  function keyNode(key, again, note) {
    const state = stateOf(key);
    const limits = limitWords(key.limits);
    const row = el(
      "li",
      { class: "item key", testid: "key", "data-live": String(state.live), "data-id": key.id },
      el(
        "div",
        { class: "item-main" },
        icon("key"),
        el("h3", { class: "item-title", text: key.name }),
        el("code", { class: "quiet small", text: key.id }),
      ),
      el(
        "ul",
        { class: "tags" },
        key.scopes.map((scope) => el("li", { class: "tag", text: scope })),
      ),
      el(
        "p",
        { class: "quiet small" },
        [
          state.words,
          `made on ${date(key.created_at)}`,
          key.last_used_at ? `last used on ${date(key.last_used_at)}` : "never used",
          ...limits,
        ].join(" · "),
      ),
      key.origins.length > 0 &&
        el("p", { class: "small" }, el("span", { class: "quiet", text: "Pages: " }), key.origins.join(", ")),
      key.principals.length > 0 &&
        el(
          "p",
          { class: "small" },
          el("span", { class: "quiet", text: "Principals: " }),
          key.principals.join(", "),
        ),
      state.live &&
        el(
          "div",
          { class: "item-actions" },
          action("New secret", "again", `New secret for ${key.name}`, "key-rotate", () =>
            rotate(key, again, row),
          ),
          action("Revoke", "trash", `Revoke ${key.name}`, "key-revoke", () => revoke(key, again, row)),
        ),
      note,
    );
    return row;
  }

  const action = (words, glyph, label, testid, onClick) =>
    el(
      "button",
      { type: "button", class: "button button-plain", "aria-label": label, testid, on: { click: onClick } },
      icon(glyph),
      words,
    );

  async function rotate(key, again, row) {
    const overlap = el(
      "select",
      { id: "overlap", testid: "key-overlap" },
      [
        [0, "ends at once"],
        [HOUR, "stays good for an hour"],
        [24 * HOUR, "stays good for a day"],
        [7 * 24 * HOUR, "stays good for a week"],
      ].map(([value, text]) => el("option", { value, text })),
    );
    const confirmed = await confirmDialog({
      title: "A new secret for this key?",
      body: [
        el("p", { class: "dialog-name", text: key.name }),
        el("label", { for: "overlap", text: "The present secret" }),
        overlap,
      ],
      confirm: "Make it",
    });
    if (!confirmed) return;
    try {
      made = await postJson(path(["keys", key.id, "rotate"]), { overlap_s: Number(overlap.value) });
      again();
    } catch (error) {
      row.append(errorBox(error));
    }
  }

  async function revoke(key, again, row) {
    const confirmed = await confirmDialog({
      title: "Revoke this key?",
      body: [
        el("p", { class: "dialog-name", text: key.name }),
        el("p", {
          class: "quiet",
          text: "It opens nothing from the next request on, and cannot be brought back.",
        }),
      ],
      confirm: "Revoke",
      danger: true,
    });
    if (!confirmed) return;
    try {
      await remove(path(["keys", key.id]));
      made = null;
      announce(`${key.name} is revoked.`);
      again();
    } catch (error) {
      row.append(errorBox(error));
    }
  }

  async function create(first, again, form = keyForm(collections(), { adminOnly: first }), failure = null) {
    const confirmed = await confirmDialog({
      title: "New key",
      body: [form.node, failure && errorBox(failure)].filter(Boolean),
      confirm: "Make the key",
      wide: true,
    });
    if (!confirmed) return;
    try {
      made = await postJson(path(["keys"]), form.value());
    } catch (error) {
      await create(first, again, form, error);
      return;
    }
    announce(`The key ${made.name} is made. It is shown this once.`);
    if (first) {
      storeKey(made.token);
      made.own = true;
      onKey();
    }
    again();
  }

  return async (again) => {
    const { keys } = await getJson(path(["keys"]));
    // Until there is a key everybody on this machine may do everything; the first one ends that.
    const first = keys.length === 0 && readKey() === "";
    const shown = made;
    made = null;
    const ordered = [...keys].sort(
      (a, b) => Number(stateOf(b).live) - Number(stateOf(a).live) || b.created_at - a.created_at,
    );
    const notice = shown && shownOnce(shown, shown.own);
    if (notice) queueMicrotask(() => setTimeout(() => notice.focus(), 0));
    return [
      el(
        "div",
        { class: "manage-head" },
        el("h2", { text: "Keys" }),
        el("button", {
          type: "button",
          class: "button button-main",
          testid: "key-new",
          text: "New key",
          on: { click: () => create(first, again) },
        }),
      ),
      notice,
      first &&
        el(
          "div",
          { class: "notice", testid: "keys-none" },
          icon("warning"),
          el(
            "div",
            { class: "notice-body" },
            el("p", { class: "notice-title", text: "No key is needed yet" }),
            el("p", {
              text: "Everybody who can open this page may do everything, which is fine on a machine of your own. With the first key, every request needs one; make it an admin key.",
            }),
          ),
        ),
      keys.length > 0
        ? el(
            "ul",
            { class: "list", testid: "keys" },
            ordered.map((key) => keyNode(key, again)),
          )
        : !first &&
          el("p", {
            class: "quiet",
            testid: "keys-empty",
            text: "No keys yet beside the admin key of the settings.",
          }),
    ];
  };
}
