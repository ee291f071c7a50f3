// Starts the page: makes each part and connects them. The parts know nothing of one another.

import { keyWanted, readKey, storeKey } from "./api.js";
import { createAsk } from "./ask.js";
import { createChunks } from "./chunks.js";
import { createCollections } from "./collections.js";
import { createConditions } from "./conditions.js";
import { createDocuments } from "./documents.js";
import { byId, errorBox } from "./dom.js";
import { createManage } from "./manage.js";
import { createPanel } from "./panel.js";
import { createSearch } from "./search.js";
import { createSource } from "./source.js";
import { createTabs } from "./tabs.js";
import { createTrace } from "./trace.js";
import { createUploads } from "./upload.js";

const keyForm = byId("key-form");
// Asked for before the first request goes out, so that its 401 is not missed.
keyWanted.addEventListener("wanted", ({ detail: refused }) => {
  if (!keyForm.hidden) return;
  byId("key-words").textContent = refused
    ? "This key is not accepted. It may be mistyped, expired or revoked."
    : "This service asks for an API key.";
  keyForm.hidden = false;
  byId("key").value = readKey();
  byId("key").focus();
});

const panel = createPanel();
const chunks = createChunks({ panel });

const documents = createDocuments({
  onOpen: chunks.open,
  onDeleted: (id) => {
    source.forget(id);
    chunks.forget(id);
    trace.close();
    ask.forget(id);
    search.forget(id);
  },
  onCount: (total) => {
    byId("ask-empty").dataset.documents = total > 0 ? "some" : "none";
  },
});
const source = createSource({ panel, findDocument: documents.find });
const trace = createTrace({ panel, findDocument: documents.find });
const collections = createCollections({
  onChange: (name) => {
    ask.reset();
    search.reset();
    documents.load(name);
  },
});
const ask = createAsk({ collection: collections.current, source, trace });
const conditions = createConditions({ documents: documents.all });
const search = createSearch({ collection: collections.current, source, conditions });
const manage = createManage({ collections: collections.names, onKey: load });
const tabs = createTabs({ onShow: (name) => name === "manage" && manage.show() });
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
  if (byId("app").dataset.view === "manage") manage.show();
  else byId("question").focus();
  load();
});

load();
