"""The catalog's tables. ``migrations/`` brings older data folders to this state."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Next free numbers. Passage ids come from here and not from the table, so that those of one version are
# consecutive and none is ever used twice: a view can then be told what to forget by a range.
counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Integer, nullable=False),
)

collections = Table(
    "collections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("seq", Integer, nullable=False),
    Column("embedder", String),
    Column("dimensions", Integer),
    Column("created_at", Float, nullable=False),
)

# Written out, because a partial index serves only the statements that repeat its condition to the letter. It holds for
# every document whose metadata names ``allow``, and for few others; ``json_type`` would be exact, and SQLite 3.40 takes
# no index with it in a file whose schema is not trusted, as those of backups are not.
RESTRICTED = text("instr(documents.metadata, '\"allow\"') > 0")
RESTRICTED_INDEX = (
    "CREATE INDEX ix_documents_restricted ON documents (collection_id) WHERE instr(metadata, '\"allow\"') > 0"
)

documents = Table(
    "documents",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False),
    Column("filename", String, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("version", Integer, nullable=False),  # The newest.
    Column("live_version", Integer),  # The one that searches see.
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index(None, "collection_id", "filename"),
    # Whether a collection has documents that not everybody may see is asked before every search.
    Index(
        "ix_documents_restricted",
        "collection_id",
        sqlite_where=text("instr(metadata, '\"allow\"') > 0"),
    ),
)

versions = Table(
    "versions",
    metadata,
    Column("document_id", ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("sha256", String, nullable=False, index=True),
    Column("bytes", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("given_title", String),  # What the uploader said, if anything.
    Column("given_metadata", JSON),  # Likewise; it becomes the document's when this version becomes live.
    Column("title", String),
    Column("media_type", String),
    Column("parser", String),
    Column("pages", Integer),
    Column("first_passage", Integer),
    Column("passages", Integer, nullable=False),
    Column("error_code", String),
    Column("error_message", Text),
    Column("disclosures", JSON(none_as_null=True)),  # [[code, count, kept], ...]; null in older folders.
    Column("created_at", Float, nullable=False),
)

# Originals that are being stored or removed right now. A crash leaves rows here, and the next start finishes
# what they stand for: a file that no version refers to goes.
unsettled_originals = Table(
    "unsettled_originals",
    metadata,
    Column("sha256", String, primary_key=True),
)

# Apart from ``versions``, so that listing documents does not read their texts.
texts = Table(
    "texts",
    metadata,
    Column("document_id", ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("blocks", JSON, nullable=False),  # [[kind, start, end, number], ...], and the box of pictures.
    Column("sections", JSON, nullable=False),  # [[start, end, [heading, ...]], ...]
)

# Passages of live versions only: replacing or deleting a document removes its rows in the same transaction.
passages = Table(
    "passages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("section", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("headings", JSON, nullable=False),
    Column("first_page", Integer),
    Column("last_page", Integer),
    Column("sentences", JSON, nullable=False),  # Sentence ends, relative to the passage.
    Column("vector", LargeBinary, nullable=False),  # float32, little endian.
    Column(
        "context", Text
    ),  # Title, headings and column names that it was embedded under; null in older folders.
    Column(
        "sentence_vectors", LargeBinary
    ),  # int8, one row of 127 times a unit vector for each sentence; likewise.
    Column("hidden", JSON(none_as_null=True)),  # What no reader sees, [[start, end], ...]; likewise.
    Column("transcribed", JSON(none_as_null=True)),  # What a model wrote of pictures; in the same form.
    Column("sentence_terms", LargeBinary),  # See ``index.sentence_terms``; likewise.
    Column("content", String),  # Hash of all that the vectors depend on; null in older folders.
    Index(None, "document_id", "ordinal"),
    Index(None, "content", "collection_id"),
)

changes = Table(
    "changes",
    metadata,
    Column("collection_id", ForeignKey("collections.id"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("removed_first", Integer),
    Column("removed_last", Integer),
    Column("added_first", Integer),
    Column("added_last", Integer),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", String),  # Fencing token of the worker that holds it.
    Column("lease_until", Float),
    Column("attempts", Integer, nullable=False),
    UniqueConstraint("document_id", "version"),
)

# Vectors of documents in work, a part at a time, so that a kill costs one part and not the document. They go with
# the job, in the transaction that ends it.
drafts = Table(
    "drafts",
    metadata,
    Column("document_id", ForeignKey("documents.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("part", String, primary_key=True),  # Hash of what was embedded, and with which model.
    Column("dimensions", Integer, nullable=False),
    Column("vectors", LargeBinary, nullable=False),  # float32, little endian, one row for each passage.
    Column("sentence_vectors", LargeBinary, nullable=False),  # Likewise, for each sentence.
    Column("text", Text),  # What a model wrote of a picture; such a row has no vectors.
)

answers = Table(
    "answers",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("body", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    # Who might see each restricted document that it shows, when it was made: [[principal, ...], ...].
    Column("allow", JSON),
)

# Which documents an answer shows text of, so that deleting a document also deletes these answers.
answer_documents = Table(
    "answer_documents",
    metadata,
    Column("answer_id", ForeignKey("answers.id"), primary_key=True),
    Column("document_id", String, primary_key=True, index=True),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("answer_id", ForeignKey("answers.id"), nullable=False, index=True),
    Column("rating", Integer, nullable=False),
    Column("correct", Integer),
    Column("comment", Text),
    Column("created_at", Float, nullable=False),
)

# Requests that came with an Idempotency-Key, until they expire.
idempotent_requests = Table(
    "idempotent_requests",
    metadata,
    Column("scope", String, primary_key=True),  # The caller: the same key of another one is another request.
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("owner", String, nullable=False),  # Fencing token of whoever works on it, or last did.
    Column("status", Integer),  # Null until it was answered.
    Column("body", Text),  # Likewise; null again when a document that it shows was deleted.
    Column("expires_at", Float, nullable=False, index=True),
)

# What such a request has done so far, each row made in the transaction that did it: after a crash the same
# request goes on where it was cut off.
idempotent_steps = Table(
    "idempotent_steps",
    metadata,
    Column("scope", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("document_id", String, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("is_new", Integer, nullable=False),
    ForeignKeyConstraint(
        ["scope", "key"], ["idempotent_requests.scope", "idempotent_requests.key"], ondelete="CASCADE"
    ),
)

# Ids of deleted documents and nothing else of them, so that restoring an older backup does not bring them back.
deletions = Table(
    "deletions",
    metadata,
    Column("document_id", String, primary_key=True),
    Column("deleted_at", Float, nullable=False),
)

# What may be called with which key. Secrets are random, so a plain hash keeps them.
keys = Table(
    "keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("principals", JSON, nullable=False),
    Column("origins", JSON, nullable=False),
    Column("limits", JSON, nullable=False),
    Column("secret_sha256", LargeBinary, nullable=False),
    Column("former_sha256", LargeBinary),  # The secret before the last rotation, good until former_until.
    Column("former_until", Float),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
    Column("revoked_at", Float),
    Column("last_used_at", Float),
)

# What each key has used of its daily quotas. Days count from 1970-01-01 UTC.
key_usage = Table(
    "key_usage",
    metadata,
    Column("key_id", ForeignKey("keys.id"), primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("amount", Integer, nullable=False),
)

# Who did what, without content. Triggers refuse every change but the next row: see ``index.audit``.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("key_id", String, nullable=False),
    Column("action", String, nullable=False),
    Column("object", String),
    Column("outcome", Integer, nullable=False),  # The HTTP status.
    Column("trace_id", String, nullable=False),
)

# Answers that may be given again to the same question. A row holds as long as nothing in its collection has changed
# (``seq``), or a new search finds the same passages of the same versions (``evidence``). The transaction that replaces,
# deletes or hides a document removes the rows whose answers show it.
answer_cache = Table(
    "answer_cache",
    metadata,
    Column(
        "key", String, primary_key=True
    ),  # Hash of the question, of all settings, and of who may see what.
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("seq", Integer, nullable=False),
    Column("evidence", String, nullable=False),
    Column("answer_id", ForeignKey("answers.id"), nullable=False, index=True),
    Column("found", JSON, nullable=False),  # Passages by id with their scores, without any text.
    Column("expires_at", Float, nullable=False, index=True),
)

# What was asked and spent, added up by day. Amounts are billionths of a US dollar.
spending = Table(
    "spending",
    metadata,
    Column("day", Integer, primary_key=True),  # Since 1970-01-01 UTC.
    Column("key_id", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("model", String, primary_key=True),  # Endpoint and model; empty for what needed none.
    Column("questions", Integer, nullable=False),
    Column("cached", Integer, nullable=False),  # Those of them that were answered from the cache.
    Column("calls", Integer, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),  # Of calls whose tokens were counted.
    Column("at_most", BigInteger, nullable=False),  # With the most that the others can have cost.
)

# What a collection may cost a day, and what is held of that.
collection_budgets = Table(
    "collection_budgets",
    metadata,
    Column("collection_id", ForeignKey("collections.id"), primary_key=True),
    Column("micro_usd_per_day", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("taken", BigInteger, nullable=False),  # Millionths of a US dollar, on that day.
)

# Questions in bulk.
batches = Table(
    "batches",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("key_id", String, nullable=False),
    Column("principals", JSON(none_as_null=True)),  # Who asks; null sees everything.
    Column("options", JSON, nullable=False),
    Column("request_key", String),  # Of the request that made it, so that it is made once.
    Column("micro_usd", BigInteger),  # What all of it may cost; null for no limit.
    Column("taken", BigInteger, nullable=False),  # Of that.
    Column("created_at", Float, nullable=False),
    Column("cancelled_at", Float),
    Column("finished_at", Float),
    Column("expires_at", Float, nullable=False, index=True),
    UniqueConstraint("key_id", "request_key"),
)

batch_items = Table(
    "batch_items",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("label", String, nullable=False),  # What the caller calls it.
    Column("question", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("owner", String),  # Fencing token of the worker that holds it.
    Column("lease_until", Float),
    Column("attempts", Integer, nullable=False),
    # The answer, which goes when its documents go; what is kept here holds no text of theirs.
    Column("answer_id", String, index=True),
    Column("error_code", String),
    Column("error_message", Text),
    Index(None, "status", "batch_id"),
)

# Questions that belong together. Only the key and the principals that began one may read it: see ``index.talks``.
conversations = Table(
    "conversations",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("key_id", String, nullable=False),
    Column("principals", String, nullable=False),  # JSON, sorted: the same principals are the same text.
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
    Index("ix_conversations_key_id", "key_id", "principals", "updated_at"),
)

# What was said is read from the answers, so that it goes with the documents that it quotes.
conversation_turns = Table(
    "conversation_turns",
    metadata,
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("question", Text, nullable=False),
    Column("answer_id", String, index=True),  # Null once the answer went with a document.
    Column("created_at", Float, nullable=False),
)

# What users asked to be kept of how they want their answers.
preferences = Table(
    "preferences",
    metadata,
    Column("key_id", String, primary_key=True),
    Column("principals", String, primary_key=True),
    Column("wanted", JSON, nullable=False),
    Column("updated_at", Float, nullable=False),
)

# Files as OpenAI clients upload them: first alone, later put into collections, where each becomes a document.
files = Table(
    "files",
    metadata,
    Column("id", String, primary_key=True),
    Column("owner", String),  # The key that uploaded it; null when what it had of it was deleted.
    Column("principals", JSON, nullable=False),  # Whom it was uploaded as.
    Column("filename", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("sha256", String, nullable=False, index=True),
    Column("bytes", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

# Which documents files have become. Two files of the same bytes are one document of a collection.
file_documents = Table(
    "file_documents",
    metadata,
    Column("file_id", ForeignKey("files.id"), primary_key=True),
    Column("document_id", ForeignKey("documents.id"), primary_key=True, index=True),
)

# What OpenAI clients say of a collection beside its name.
vector_stores = Table(
    "vector_stores",
    metadata,
    Column("collection_id", ForeignKey("collections.id"), primary_key=True),
    Column("name", String, nullable=False),
    Column("metadata", JSON, nullable=False),
)

file_batches = Table(
    "file_batches",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collections.id"), nullable=False, index=True),
    Column("is_cancelled", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
)

file_batch_files = Table(
    "file_batch_files",
    metadata,
    Column("batch_id", ForeignKey("file_batches.id"), primary_key=True),
    Column("file_id", String, primary_key=True, index=True),  # A file's id, or that of a document.
    Column("is_cancelled", Integer, nullable=False),
)

# Answers that were given as OpenAI responses, with what was asked. They go with the answer.
responses = Table(
    "responses",
    metadata,
    Column("id", String, primary_key=True),
    Column("key_id", String, nullable=False, server_default=""),  # Whose it is; of nobody in older folders.
    Column("answer_id", ForeignKey("answers.id"), nullable=False, index=True),
    Column("previous_id", String),
    Column("body", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)
