// Starts the page: makes each part and connects them. The parts know nothing of one another.

import { keyWanted, readKey, storeKey } from "./api.js";
import { createAsk } from "./ask.js";
import { createCollections } from "./collections.js";
import { createDocuments } from "./documents.js";
import { byId, errorBox } from "./dom.js";
import { createSearch } from "./search.js";
import { createSource } from "./source.js";
import { createTabs } from "./tabs.js";
import { createUploads } from "./upload.js";

const keyForm = byId("key-form");
// Asked for before the first request goes out, so that its 401 is not missed.
keyWanted.addEventListener("wanted", () => {
  if (!keyForm.hidden) return;
  keyForm.hidden = false;
  byId("key").value = readKey();
  byId("key").focus();
});

const tabs = createTabs();

const documents = createDocuments({
  onDeleted: (id) => {
    source.forget(id);
    ask.forget(id);
    search.forget(id);
  },
  onCount: (total) => {
    byId("ask-empty").dataset.documents = total > 0 ? "some" : "none";
  },
});
const source = createSource({ findDocument: documents.find });
const collections = createCollections({
  onChange: (name) => {
    ask.reset();
    search.reset();
    documents.load(name);
  },
});
const ask = createAsk({ collection: collections.current, source });
const search = createSearch({ collection: collections.current, source });
createUploads({ collection: collections.current, onStart: tabs.showDocuments, onUploaded: documents.added });

async function load() {
  const loading = documents.load(collections.current());
  try {
    await collections.load();
  } catch (error) {
    // The document list shows why the service does not answer; a second box would say the same.
    if (error.name !== "ApiError") byId("documents-error").append(errorBox(error));
  }
  await loading;
}

keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  storeKey(byId("key").value.trim());
  byId("key").value = "";
  keyForm.hidden = true;
  byId("question").focus();
  load();
});

load();
