"""One sentence of a model's answer: what carries it, and what speaks against showing it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from index.analyze import terms
from rag.claims import clauses, split_claims
from rag.markers import quotations
from rag.prompt import NOT_ANSWERED
from rag.together import carried_together, in_part
from rag.types import Repair, Support, Usage, Verdict
from rag.verify import PARTIAL_AT
from rag.words import content_terms, coverage

if TYPE_CHECKING:
    from ingest.sentences import Span
    from rag.gateway_wire import Completion
    from rag.markers import MarkedSentence
    from rag.types import Evidence
    from rag.verify import Verifier

ENDED = ("stop", "end_turn", "eos")
CARRIED = (Verdict.SUPPORTED, Verdict.PARTIAL)
ALTERED = "altered quotation"
NOT_CARRIED = "no source carries it"
OPPOSED = "a source says otherwise"
# A sentence of which a source carries the words in quotation marks and nothing else.
_ONLY_QUOTED = Support(PARTIAL_AT, Verdict.PARTIAL, None, None)
# Share of its words that such a sentence has inside the quotation marks.
_MOSTLY_QUOTED = 0.7
# What states nothing needs no source and lowers nothing.
_NOTHING_STATED = Support(1.0, Verdict.SUPPORTED, None, None)


@dataclass(slots=True)
class Draft:
    """What a language model did, counted while its answer streams, and what was done about it.

    Attributes:
        sent: The messages that it got.
        raw: Its text as it came.
        invented_keys: Citation keys that were never issued.
        altered_quotes: Quotations that stand in no source.
        unmarked: Sentences that it left without a key.
        withheld: Sentences that readers do not get, with the reason.
        repairs: What was done about sentences, in their order.
        refused: Whether it said that the documents do not answer.
        abstained: Whether the whole answer is withheld because of one sentence.
        finish_reason: The gateway's word for why it ended.
        answered: Tokens of the answer itself.
        repaired: Tokens of sentences asked again.
        beside: Tokens of calls beside the answer: a question completed, questions suggested.
        uncounted: Whether the gateway did not count the tokens of a call.
    """

    sent: list[dict[str, str]] = field(default_factory=list)
    raw: str = ""
    invented_keys: int = 0
    altered_quotes: int = 0
    unmarked: int = 0
    withheld: list[tuple[str, str]] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    refused: bool = False
    abstained: bool = False
    finish_reason: str = ""
    model: str | None = None
    answered: Usage = field(default_factory=Usage)
    repaired: Usage = field(default_factory=Usage)
    beside: Usage = field(default_factory=Usage)
    uncounted: bool = False

    @property
    def usage(self) -> Usage:
        """All tokens together."""
        return Usage(
            self.answered.prompt_tokens + self.repaired.prompt_tokens + self.beside.prompt_tokens,
            self.answered.completion_tokens + self.repaired.completion_tokens + self.beside.completion_tokens,
        )

    def add_beside(self, found: Completion | None) -> None:
        """Count a call beside the answer."""
        if found is None:
            return
        if found.usage is None:
            self.uncounted = True
            return
        self.beside = Usage(
            self.beside.prompt_tokens + found.usage.prompt_tokens,
            self.beside.completion_tokens + found.usage.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """A sentence that may be shown, with what carries it, best first, and what separates it from the last."""

    text: str
    supports: tuple[Support, ...]
    separator: str
    needs_source: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """A checked sentence.

    Attributes:
        checked: As it would be shown.
        keys: The sources that its model named.
        fault: Why it must not be shown as it is; empty when a source carries it.
        context: What the answer says before it.
        attributed: ``attributed`` or ``moved`` when the server found its source; see ``Repair``.
        unchecked: Whether the check itself failed, for the reason that ``fault`` gives.
    """

    checked: Checked
    keys: tuple[str, ...] = ()
    fault: str = ""
    attributed: str = ""
    context: str = ""
    unchecked: bool = False


def judge(sentence: MarkedSentence, verifier: Verifier, context: str = "") -> Judged:
    """Find what carries one sentence.

    Args:
        sentence: Not empty.
        verifier: Over the sources that its model read.
        context: What the answer says before it, which names what its pronouns stand for.
    """
    text, separator = sentence.text, _separator(sentence)
    if states_nothing(text):
        return Judged(stating_nothing(sentence))
    quotes = [text[start:end] for start, end in quotations(text)]
    places = [verifier.find(quote) for quote in quotes]
    if None in places:
        # A quotation that no source contains is a false statement about the source.
        return Judged(Checked(text, (), separator), sentence.keys, ALTERED, context=context)
    supports, attributed = _supports(sentence, verifier, context)
    # A source that has little to do with the sentence is no footnote to it, whoever named it.
    carrying = [each for each in supports if each.verdict in CARRIED]
    opposing = [each for each in supports if each.verdict is Verdict.CONTRADICTED]
    # Beside its quotation such a sentence says next to nothing.
    said = coverage(content_terms(text), set(terms(" ".join(quotes))), {})
    only_quoted = bool(places) and not carrying and not opposing and said >= _MOSTLY_QUOTED
    kept = carrying or opposing
    best = max(kept, key=lambda each: each.score, default=_ONLY_QUOTED)
    kept += [
        Support(min(best.score, PARTIAL_AT), Verdict.PARTIAL, evidence, span, quoted=True)
        for evidence, span in filter(None, places)
        if not any(_within(evidence, span, each) for each in kept)
    ]
    fault, failed = "", ""
    if not carrying and not only_quoted:
        # The last check was against all sources; one that failed points to none and says why.
        failed = "; ".join(supports[-1].faults) if supports[-1].evidence is None and not opposing else ""
        fault = ": ".join((OPPOSED, *opposing[0].faults[:1])) if opposing else failed or NOT_CARRIED
    ranked = tuple(sorted(kept, key=lambda each: -each.score))
    checked = Checked(text, ranked, separator)
    return Judged(checked, sentence.keys, fault, attributed, context, unchecked=bool(failed))


def _supports(sentence: MarkedSentence, verifier: Verifier, context: str) -> tuple[list[Support], str]:
    """What the sources say to a sentence: those that it names, one by one and together, else all of them.

    Returns:
        The supports, and ``attributed`` or ``moved`` when the sources named do not carry it and others do.
    """
    text, keys = sentence.text, sentence.keys
    alone = [verifier.check(text, [key], context=context) for key in keys]
    several = len(clauses(text)) > 1
    whole = [each for each in alone if each.verdict is Verdict.SUPPORTED]
    if any(each.quoted for each in alone) or (whole and len(whole) == len(alone) and not several):
        return alone, ""
    if len(keys) > 1 or (keys and several):
        together = carried_together(text, verifier, keys, alone, context)
        if together:
            return together, ""
    # The model gave no key, a wrong one or too few: look for the sources that do carry the sentence.
    found = "moved" if keys else "attributed"
    carried = any(each.verdict in CARRIED for each in alone)
    if several and (together := carried_together(text, verifier, None, whole, context)):
        return together, found
    if carried:
        return in_part(alone) if several else alone, ""
    last = verifier.check(text, context=context)
    supports = [*alone, last]
    return in_part(supports) if several else supports, found if last.verdict in CARRIED else ""


def is_refusal(text: str) -> bool:
    """Whether a sentence is the one that the model is asked for when the sources do not answer."""
    return text.strip() == NOT_ANSWERED


def stating_nothing(sentence: MarkedSentence) -> Checked:
    """A sentence that needs no source, as it is shown."""
    return Checked(sentence.text, (_NOTHING_STATED,), _separator(sentence), needs_source=False)


def _separator(sentence: MarkedSentence) -> str:
    return "\n\n" if sentence.paragraph_break else "\n" if sentence.line_break else " "


def states_nothing(text: str) -> bool:
    """Whether a sentence needs no source: a greeting, an offer of help."""
    claims = split_claims(text)
    return bool(claims) and not any(claim.needs_source for claim in claims)


def _within(evidence: Evidence, span: Span, support: Support) -> bool:
    return (
        support.span is not None
        and support.evidence is evidence
        and support.span[0] <= span[0]
        and span[1] <= support.span[1]
    )
