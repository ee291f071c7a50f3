// Uploads: files from the picker or dropped (folders too), two at a time, each with its own progress row.
// XMLHttpRequest, because fetch does not report how much has been sent.

import { ApiError, UNREACHABLE, authorization, errorFrom, path } from "./api.js";
import { announce, byId, el, errorBox, icon } from "./dom.js";
import { bytes, percent, plural } from "./text.js";

// Browsers open about six connections to a server; some must stay free for questions and progress.
const PARALLEL = 2;

/** Sends one file; `onProgress` gets the share sent, 0 to 1. Resolves to the documents made of it. */
function sendFile(file, collection, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path(["documents"]));
    request.responseType = "json";
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300 && request.response?.documents) {
        resolve(request.response.documents);
      } else {
        reject(errorFrom(request.status, request.response, request.getResponseHeader("Retry-After")));
      }
    });
    request.addEventListener("error", () => reject(new ApiError(UNREACHABLE)));
    const form = new FormData();
    form.append("collection", collection);
    form.append("file", file, file.name);
    request.send(form);
  });
}

/** All files of a drop, those in dropped folders included. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files];
  const files = [];
  const visit = async (entry) => {
    if (entry.isFile) {
      files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
      return;
    }
    const reader = entry.createReader();
    // A folder's entries come in batches; an empty batch ends them.
    for (;;) {
      const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (batch.length === 0) return;
      for (const child of batch) await visit(child);
    }
  };
  for (const entry of entries) await visit(entry);
  return files.filter((file) => !file.name.startsWith("."));
}

/**
 * Wires picker and drop zone. `collection()` names the target, `onStart()` is called when files are added and
 * `onUploaded(documents, target)` for each file that has arrived.
 */
export function createUploads({ collection, onStart, onUploaded }) {
  const rows = byId("uploads");
  const drop = byId("drop");
  const waiting = [];
  let running = 0;

  function makeRow(file) {
    const words = el("span", { class: "quiet small", text: "Waiting to be sent" });
    const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    const trouble = el("div");
    const row = el(
      "li",
      { class: "item upload", testid: "upload-row", "data-state": "waiting" },
      el(
        "div",
        { class: "item-main" },
        icon("upload"),
        el("span", { class: "item-title", text: file.name }),
        el("span", { class: "quiet small", text: bytes(file.size) }),
      ),
      bar,
      words,
      trouble,
    );
    rows.append(row);
    return { row, words, bar, trouble };
  }

  async function run({ file, target, parts }) {
    const { row, words, bar, trouble } = parts;
    row.dataset.state = "sending";
    words.textContent = "Sending";
    try {
      const documents = await sendFile(file, target, (share) => {
        bar.value = share;
        words.textContent = share < 1 ? `Sending, ${percent(share)}` : "Sent, waiting for the server";
      });
      row.remove();
      onUploaded(documents, target);
    } catch (error) {
      row.dataset.state = "failed";
      bar.hidden = true;
      words.textContent = "Not uploaded";
      const again = () => {
        bar.hidden = false;
        bar.value = 0;
        trouble.replaceChildren();
        enqueue({ file, target, parts });
      };
      trouble.replaceChildren(
        errorBox(error, { retry: again, testid: "upload-error" }),
        el("button", {
          type: "button",
          class: "button button-plain",
          testid: "upload-dismiss",
          text: "Dismiss",
          on: { click: () => row.remove() },
        }),
      );
    }
  }

  function enqueue(job) {
    job.parts.row.dataset.state = "waiting";
    job.parts.words.textContent = "Waiting to be sent";
    waiting.push(job);
    pump();
  }

  function pump() {
    while (running < PARALLEL && waiting.length > 0) {
      running += 1;
      run(waiting.shift()).finally(() => {
        running -= 1;
        pump();
      });
    }
  }

  function add(files) {
    if (files.length === 0) return;
    announce(`Uploading ${plural(files.length, "file")}.`);
    onStart();
    const target = collection();
    for (const file of files) enqueue({ file, target, parts: makeRow(file) });
  }

  const picker = byId("files");
  picker.addEventListener("change", () => {
    add([...picker.files]);
    picker.value = "";
  });

  // The whole page takes drops: a file that misses the zone must not replace the page.
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    document.body.dataset.dragging = "true";
  });
  document.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (depth === 0) delete document.body.dataset.dragging;
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    delete document.body.dataset.dragging;
    try {
      add(await droppedFiles(event.dataTransfer));
    } catch (error) {
      const unreadable = {
        message: "What was dropped cannot be read.",
        hint: error.message,
        code: "unreadable_drop",
      };
      rows.append(el("li", { class: "item" }, errorBox(unreadable)));
      drop.scrollIntoView();
    }
  });
}
