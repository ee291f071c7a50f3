"""The lexical view: BM25 with tantivy (https://github.com/quickwit-oss/tantivy-py), k1 1.2 and b 0.75.

Terms are made by ``index.analyze``; tantivy only sees them separated by spaces.
"""

from __future__ import annotations

import json
import math
import shutil
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import tantivy

from index.analyze import phrases, terms
from index.kept_writer import KeptWriter, disk_error
from index.segments import is_intact
from index.small_words import small_words
from index.types import Hit
from index.view import read_manifest, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from index.types import Allowed, Change, IdRange, Query

# Changing what is stored for a passage makes older folders rebuild their view.
_FORMAT = 5
# A term in the title or the headings counts this much of one in the text.
_TITLE_WEIGHT = 0.5
# And a function word this much of another word of its rarity: a little, because "who" may be an organisation.
_SMALL_WORD_WEIGHT = 0.2
# Passages read beyond the limit to bring equal scores into order; more are cut off as they come.
_MOST_TIES = 1000
# Changes gathered into one tantivy commit, each of which waits for the disk: of those that add, and of all.
_ADDITIONS_PER_COMMIT, _CHANGES_PER_COMMIT = 64, 4096
# Folders of an index that is being made anew, and of the one whose place it takes.
_ANEW, _FORMER = "lexical.new", "lexical.old"


class LexicalView:
    """Searches by words. Its own files are durable at each commit; the watermark is written after them."""

    name = "lexical"

    def __init__(self, folder: Path) -> None:
        """Open the index, or start an empty one when there is none or it is of another format.

        Raises:
            OSError: An empty one cannot be made.
        """
        self._root = folder
        self._manifest = folder / "lexical.json"
        self._lock = threading.Lock()
        self._writer = KeptWriter(folder / "lexical")
        for left in (_FORMER, _ANEW):
            shutil.rmtree(folder / left, ignore_errors=True)
        manifest = read_manifest(self._manifest)
        seq = manifest.get("seq")
        self._removed = manifest.get("removed") is not False
        if manifest.get("format") != _FORMAT or not isinstance(seq, int):
            self._index, self._watermark = self._empty(), 0
            return
        try:
            intact = is_intact(folder / "lexical")
            self._index, self._watermark = (self._open(), seq) if intact else (self._empty(), 0)
        except (OSError, ValueError):
            # A damaged index costs a rebuild from the catalog and nothing else.
            self._index, self._watermark = self._empty(), 0

    @property
    def watermark(self) -> int:
        """See ``View``."""
        return self._watermark

    @property
    def holds_removed(self) -> bool:
        """Whether passages were removed since the index was last made anew.

        Tantivy goes on counting them in the frequencies of terms, and keeps their terms in its files.
        """
        return self._removed

    def anew(self) -> LexicalView:
        """An empty view beside this one, for ``take_over`` when it has been filled.

        Raises:
            OSError: It cannot be made.
        """
        shutil.rmtree(self._root / _ANEW, ignore_errors=True)
        return LexicalView(self._root / _ANEW)

    def take_over(self, fresh: LexicalView) -> None:
        """Become what another view is, whose files move to the place of this one's. It is not used afterwards.

        Raises:
            OSError: Files could not be moved. The index is then made anew at the next start, at the latest.
        """
        with self._lock:
            self._writer.settle()
            fresh.settle()
            (self._root / "lexical").rename(self._root / _FORMER)
            (fresh._root / "lexical").rename(self._root / "lexical")
            self._index, self._watermark, self._removed = self._open(), fresh._watermark, fresh._removed
            self._note()
        for left in (_FORMER, _ANEW):
            shutil.rmtree(self._root / left, ignore_errors=True)

    def apply(self, changes: Iterable[Change]) -> None:
        """See ``View``."""
        batch: list[Change] = []
        adding = 0
        for change in changes:
            if change.seq <= self._watermark:
                continue
            batch.append(change)
            # Removals alone cost little, and of a long history they are the most.
            adding += change.added is not None
            if adding == _ADDITIONS_PER_COMMIT or len(batch) == _CHANGES_PER_COMMIT:
                self._commit(batch)
                batch, adding = [], 0
        if batch:
            self._commit(batch)

    def search(self, query: Query, limit: int, allowed: Allowed | None = None) -> list[Hit]:
        """See ``View``."""
        if limit <= 0 or (allowed is not None and not allowed.document_ids):
            return []
        asked_for = Counter(terms(query.text))
        words = sorted(asked_for)
        if not words:
            return []
        schema = self._index.schema
        should = tantivy.Occur.Should
        rarity = self.weights(words)
        rarest = max(rarity.values()) or 1.0
        clauses = []
        for word in words:
            # Rarity counts twice, here and inside BM25: otherwise a short passage with every common word of a
            # question beats the long one that alone has its one rare word. See docs/decisions/0010.
            # A word that the question repeats counts as often, as in BM25's own query part.
            weight = asked_for[word] * rarity[word] / rarest
            for field, share in (("body", 1.0), ("title", _TITLE_WEIGHT)):
                term = tantivy.Query.term_query(schema, field, word, "freq")
                clauses.append((should, tantivy.Query.boost_query(term, weight * share)))
        for phrase in phrases(query.text):
            # As much again as all its words: what is quoted is meant to the letter.
            weight = sum(rarity[word] for word in phrase) / rarest / len(phrase)
            clauses.append(
                (
                    should,
                    tantivy.Query.boost_query(
                        tantivy.Query.phrase_query(schema, "body", list(phrase)), weight
                    ),
                )
            )
        wanted = tantivy.Query.boolean_query(clauses)
        if allowed is not None:
            among = tantivy.Query.term_set_query(schema, "document", list(allowed.document_ids))
            must = tantivy.Occur.Must
            wanted = tantivy.Query.boolean_query(
                [(must, wanted), (must, tantivy.Query.const_score_query(among, 0.0))]
            )
        searcher = self._index.searcher()
        # Equal scores are in the order of tantivy's segments, which differs after a rebuild: ties at the limit
        # are therefore read too, and the lower id goes first.
        asked = limit + 1
        found = searcher.search(wanted, asked, count=False).hits
        while len(found) == asked < limit + _MOST_TIES and found[-1][0] == found[limit - 1][0]:
            asked = min(2 * asked + 1, limit + _MOST_TIES)
            found = searcher.search(wanted, asked, count=False).hits
        numbers = searcher.fast_field_values("id", [address for _, address in found])
        ranked = sorted((-float(score), int(i or 0)) for i, (score, _) in zip(numbers, found, strict=True))
        return [Hit(i, self.name, rank, -score) for rank, (score, i) in enumerate(ranked[:limit], 1)]

    def weights(self, words: Iterable[str]) -> dict[str, float]:
        """Rarity of index terms, with function words at a fifth of theirs."""
        small = small_words()
        return {
            word: rarity * (_SMALL_WORD_WEIGHT if word in small else 1.0)
            for word, rarity in self.rarity(words).items()
        }

    def rarity(self, words: Iterable[str]) -> dict[str, float]:
        """Inverse document frequency of index terms: ``ln(1 + (N - n + 0.5) / (n + 0.5))``, as in BM25."""
        searcher = self._index.searcher()
        total = searcher.num_docs
        counts = {word: searcher.doc_freq("body", word) for word in words}
        return {word: math.log(1 + max(0.0, total - n + 0.5) / (n + 0.5)) for word, n in counts.items()}

    @property
    def count(self) -> int:
        """See ``View``."""
        return int(self._index.searcher().num_docs)

    def ids(self) -> set[int]:
        """See ``View``."""
        searcher = self._index.searcher()
        count = searcher.num_docs
        if count == 0:
            return set()
        found = searcher.search(tantivy.Query.all_query(), count, count=False).hits
        return {int(i or 0) for i in searcher.fast_field_values("id", [address for _, address in found])}

    def count_of(self, document_id: str) -> int:
        """How many passages of a document can be found."""
        wanted = tantivy.Query.term_query(self._index.schema, "document", document_id)
        searcher = self._index.searcher()
        return len(searcher.search(wanted, max(1, searcher.num_docs), count=False).hits)

    def reset(self) -> None:
        """See ``View``."""
        with self._lock:
            self._writer.settle()
            self._index, self._watermark = self._empty(), 0

    def flush(self) -> None:
        """See ``View``. All is on disk already; what is not needed any more is let go of."""
        self._writer.rest()

    def close(self) -> None:
        """See ``View``."""
        self._writer.settle()

    def settle(self) -> None:
        """Wait until nothing is written to the folder any more.

        Raises:
            OSError: As of ``KeptWriter.settle``.
        """
        self._writer.settle()

    def _commit(self, batch: list[Change]) -> None:
        """Bring changes to disk, all or none.

        Raises:
            OSError: They could not be written. The index is as it was.
        """
        with self._lock:
            self._writer.commit(self._index, lambda writer: self._fill(writer, batch))
            self._watermark = batch[-1].seq
            self._note()

    def _note(self) -> None:
        noted = {"seq": self._watermark, "format": _FORMAT, "removed": self._removed}
        write_atomically(self._manifest, json.dumps(noted).encode())

    def _fill(self, writer: Any, batch: list[Change]) -> None:
        for change in batch:
            for gone in (change.removed, change.added and change.added.ids):
                if gone:
                    self._removed = self._removed or self._holds(gone)
                    writer.delete_documents_by_query(self._range(gone))
            if change.added:
                for offset, (title, text) in enumerate(
                    zip(change.added.titles, change.added.texts, strict=True)
                ):
                    document = tantivy.Document()
                    document.add_unsigned("id", change.added.ids.first + offset)
                    document.add_text("document", change.added.document_id)
                    document.add_text("title", " ".join(terms(title)))
                    document.add_text("body", " ".join(terms(text)))
                    writer.add_document(document)

    def _holds(self, ids: IdRange) -> bool:
        return bool(self._index.searcher().search(self._range(ids), 1, count=False).hits)

    def _range(self, ids: IdRange) -> tantivy.Query:
        return tantivy.Query.range_query(
            self._index.schema, "id", tantivy.FieldType.Unsigned, ids.first, ids.last
        )

    def _empty(self) -> tantivy.Index:
        self._manifest.unlink(missing_ok=True)
        self._removed = False
        folder = self._root / "lexical"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return self._open()
        except ValueError as error:
            raise disk_error(error) from None

    def _open(self) -> tantivy.Index:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("id", indexed=True, fast=True)
        builder.add_text_field("document", tokenizer_name="raw", index_option="basic")
        builder.add_text_field("title", tokenizer_name="terms")
        builder.add_text_field("body", tokenizer_name="terms")
        index = tantivy.Index(builder.build(), path=str(self._root / "lexical"))
        index.register_tokenizer("terms", tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
        return index
