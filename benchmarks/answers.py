"""Checks of one answer of ``/v1/ask`` against the stored text, the original's pages and itself."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.quotes import markers, match_pages, page_span, uncovered_sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.client import Client, Json
    from benchmarks.report import Checks

QUOTE = "quote is the stored text between its offsets"
PAGES = "pages are those where pdfium reads the quote"
NO_PAGES = "a document without pages is cited without pages"
KNOWN = "cited document is one of the uploaded, under its own file name"
SENTENCES = "every sentence of an answer lies within a claim"
SLICES = "claim offsets slice the answer"
CLAIM_CITATIONS = "citation numbers of claims exist"
MARKERS = "markers of the answer are existing citations"
MARKED = "the citations of a claim stand as markers at or after it"
SUPPORTED = "a supported claim has a citation"
VERDICTS = "verdicts are of the four"
NUMBERS = "citation numbers are unique"
CONFIDENCE = "confidence is in 0..1 with a level"
ABSTAINED = "an abstained answer says so, with low confidence"
FINISHED = "finish_reason is stated"

EXPECTED: tuple[str, ...] = (
    QUOTE,
    PAGES,
    KNOWN,
    SENTENCES,
    SLICES,
    CLAIM_CITATIONS,
    MARKERS,
    MARKED,
    SUPPORTED,
    VERDICTS,
)
EXPECTED += (NUMBERS, CONFIDENCE, FINISHED)
# ABSTAINED and NO_PAGES depend on what is asked: they count when seen.

REFUSAL = re.compile(
    r"\b(no|not|nothing|none|neither|cannot|can't|couldn't|unable|don't|doesn't|didn't|without)\b",
    re.IGNORECASE,
)


class AnswerChecker:
    """Checks answers one by one and keeps the counts.

    Attributes:
        page_kinds: How the quotes of PDFs were found on their pages: exact, fuzzy, wide or wrong.
        claims: How many claims were seen in answers that did not abstain.
        claims_without_citation: How many of them cite nothing.
    """

    def __init__(
        self,
        client: Client,
        checks: Checks,
        names: Mapping[str, str],
        pages: Mapping[str, Sequence[str]],
    ) -> None:
        self.page_kinds: Counter[str] = Counter()
        self.claims = 0
        self.claims_without_citation = 0
        self._client = client
        self._checks = checks
        self._names = names
        self._pages = pages

    def check(self, question: str, answer: Json) -> None:
        """Checks one answer; ``question`` is only for the messages."""
        where = f"{question[:80]!r}"
        for citation in answer["citations"]:
            self._check_citation(where, citation)
        numbers = [citation["number"] for citation in answer["citations"]]
        self._checks.see(NUMBERS, len(set(numbers)) == len(numbers), f"{where}: {numbers}")
        self._checks.see(FINISHED, bool(answer.get("finish_reason")), where)
        marked = [number for _, _, group in markers(answer["answer"]) for number in group]
        invented = sorted(set(marked) - set(numbers))
        self._checks.see(MARKERS, not invented, f"{where}: {invented} in {answer['answer']!r}")
        self._check_claims(where, answer, set(numbers))
        self._check_confidence(where, answer)

    def _check_citation(self, where: str, citation: Json) -> None:
        see = self._checks.see
        document_id, start, end = citation["document_id"], citation["start"], citation["end"]
        label = f"{where} [{citation['number']}] {citation['filename']} v{citation['version']} {start}:{end}"
        if not see(KNOWN, self._names.get(document_id) == citation["filename"], label):
            return
        stored = self._client.text(document_id, version=citation["version"], start=start, end=end)
        quote = citation["quote"]
        see(QUOTE, bool(quote) and stored == quote, f"{label}: quote {quote!r}, stored {stored!r}")
        if document_id not in self._pages:
            see(NO_PAGES, not citation["pages"], f"{label}: {citation['pages']}")
            return
        span = page_span(citation["pages"])
        if span is None:
            self.page_kinds["wrong"] += 1
            see(PAGES, False, f"{label}: pages {citation['pages']!r}")
            return
        match = match_pages(quote, self._pages[document_id], *span)
        self.page_kinds[match.kind] += 1
        see(
            PAGES,
            match.kind in {"exact", "fuzzy"},
            f"{label}: {match.kind}, pages {citation['pages']}, {match.share:.0%} of it there, printed to "
            f"the letter on {list(match.better) or 'no other page'}: {quote!r}",
        )

    def _check_claims(self, where: str, answer: Json, numbers: set[int]) -> None:
        see = self._checks.see
        text, claims = answer["answer"], sorted(answer["claims"], key=lambda claim: claim["start"])
        found = markers(text)
        for at, claim in enumerate(claims):
            start, end = claim["start"], claim["end"]
            sliced = 0 <= start < end <= len(text) and text[start:end] == claim["text"]
            see(SLICES, sliced, f"{where}: {start}:{end} is {text[start:end]!r}, not {claim['text']!r}")
            cited = set(claim["citations"])
            see(CLAIM_CITATIONS, cited <= numbers, f"{where}: {sorted(cited - numbers)}")
            known = claim["verdict"] in {"supported", "partial", "unsupported", "contradicted"}
            see(VERDICTS, known, f"{where}: {claim['verdict']!r}")
            if not answer["abstained"]:
                self.claims += 1
                self.claims_without_citation += not cited
                see(SUPPORTED, bool(cited) or claim["verdict"] != "supported", f"{where}: {claim['text']!r}")
            # Its markers stand before the next claim that does not overlap this one.
            until = next((c["start"] for c in claims[at + 1 :] if c["start"] >= end), len(text))
            near = {number for left, _, group in found if start <= left < until for number in group}
            if cited:
                see(MARKED, cited <= near, f"{where}: cites {sorted(cited)}, markers {sorted(near)}")
        if not answer["abstained"]:
            see(SENTENCES, bool(text.strip()), f"{where}: the answer is empty")
            for sentence in uncovered_sentences(text, claims):
                see(SENTENCES, False, f"{where}: {sentence!r}")

    def _check_confidence(self, where: str, answer: Json) -> None:
        confidence = answer["confidence"]
        value, level = confidence["value"], confidence["level"]
        sound = isinstance(value, int | float) and 0 <= value <= 1 and level in {"high", "medium", "low"}
        self._checks.see(CONFIDENCE, sound, f"{where}: {value!r} {level!r}")
        if answer["abstained"]:
            says_so = bool(REFUSAL.search(answer["answer"])) and level == "low"
            self._checks.see(ABSTAINED, says_so, f"{where}: level {level}, {answer['answer']!r}")
