"""Settings of the answering stages, each with its unit and the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rag.gateway.routes import masked
from rag.types import Marking, OnUnsupported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rag.calibration import Calibration
    from rag.cost import Prices
    from rag.gateway.routes import Chain, EndpointConfig
    from rag.personal import Recogniser

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, repr=False)
class GatewayConfig:
    """Where the language model is and how long to wait for it. The key never appears in the repr."""

    # Address of an OpenAI-compatible gateway, as in http://localhost:11434/v1. None: answers are quotations.
    url: str | None
    # Sent as a bearer token; None for gateways without keys.
    key: str | None = None
    model: str = "gpt-4.1-mini"
    # Address of an HTTP proxy. HTTP_PROXY and its relatives are not read: see docs/decisions/0004.
    proxy: str | None = None
    # Seconds for everything together: connecting, every retry, every wait, the whole answer.
    deadline_s: float = 60.0
    # Seconds of one attempt until the first byte of its answer, keep-alive comments included.
    first_byte_s: float = 30.0
    # Seconds to open a connection; a gateway that is up answers in well under one.
    connect_s: float = 5.0
    # Requests sent for one answer, the first included.
    max_attempts: int = 3
    # Windows of the random wait before a retry, in seconds: the first, doubled each time up to the last.
    backoff_min_s: float = 0.5
    backoff_max_s: float = 8.0
    # Tokens that the model may write: an answer of about 700 words with its markers.
    max_output_tokens: int = 1024
    # The same question over the same sources is to give the same answer.
    temperature: float = 0.0
    # UTF-8 bytes of one answer's text; far above what max_output_tokens can give.
    max_answer_bytes: int = MEBIBYTE // 4
    # Bytes on the wire for one answer: each token travels in 200 to 400 bytes of JSON.
    max_wire_bytes: int = 16 * MEBIBYTE
    # OpenAI's response_format, for answers in JSON; left out for models that refuse it.
    response_format: Mapping[str, Any] | None = None

    # Whether the address above may be sent images of pages.
    images: bool = False
    # Whether to ask for the probabilities of tokens; left out for models that refuse it.
    logprobs: bool = False
    # Several endpoints, in the place of the address above, and the chains of models at them by name. ``model`` may then
    # name a chain. See docs/gateway.md.
    endpoints: tuple[EndpointConfig, ...] = ()
    chains: Mapping[str, Chain] = field(default_factory=dict)
    # None takes the shipped prices.
    prices: Prices | None = None

    @property
    def is_set(self) -> bool:
        """Whether there is any language model."""
        return bool(self.url or self.endpoints)

    def __repr__(self) -> str:
        """Shows every setting, with the key and the proxy (which may hold a password) masked."""
        return masked(self)


@dataclass(frozen=True, slots=True)
class RetrieveConfig:
    """How passages are found."""

    # How much each view counts when scores are fused; even weights did best, see docs/decisions/0010.
    weights: Mapping[str, float] = field(default_factory=lambda: {"dense": 0.5, "lexical": 0.5})
    # Hits taken from each view.
    candidates: int = 100
    # Passages whose sentences are weighed.
    weighed: int = 60
    # How far neighbouring passages speak for one another, in passages.
    reach: float = 2.0
    # How much the best sentence counts by meaning, and by words, beside the passage with its neighbours.
    sentence_weight: float = 0.5
    # Where no place holds more than this share of the question's words, the answer is spread out: passages further
    # around then count too, by so much for each unit that is missing.
    diffuse_below: float = 0.6
    diffuse_weight: float = 15.0
    far_reach: float = 6.0
    # Taken from a passage's score, at most 1, for each better one of the same document.
    repeat_penalty: float = 0.01
    # Passages that a reranker reads, where there is one: about a second on two cores for a small model.
    reranked: int = 20


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """How sentences are chosen for an answer by quotation; the weights are a data file, see docs/decisions/0019."""

    # Sentences of one answer; one more may be added to complete a sentence that leans on it.
    max_sentences: int = 3
    # The same for a question that wants an explanation or a list.
    max_sentences_wide: int = 4
    # A further sentence may be so much less likely than the best, as a difference of log-odds.
    next_sentence_gap: float = 1.5
    # Items of one list.
    max_items: int = 12
    # Passages found, and how many of those beyond the best are read because they hold the question's rarest word.
    searched: int = 30
    rarest_passages: int = 5
    # Sentences that are read alone for a question, some milliseconds each: those that are best without it. With 32 of
    # them the same sentence was the best for each of 3,504 questions; see docs/decisions/0048.
    embedded: int = 8


@dataclass(frozen=True, slots=True)
class RepairConfig:
    """What repairing the sentences of one answer may take."""

    # Sentences searched for once more: about 40 ms each.
    searches: int = 8
    # Sentences that the model is asked for again: a second or more each, and tokens like the answer's own.
    calls: int = 2
    # Seconds that such a call may take; never beyond the answer's deadline.
    call_s: float = 15.0
    # Seconds that must be left before the deadline for anything of this to be begun.
    least_s: float = 1.0


@dataclass(frozen=True, slots=True)
class JudgeConfig:
    """What a chat model that judges claims may take; see docs/decisions/0022."""

    # Seconds of one call; never beyond the request's deadline.
    call_s: float = 15.0
    # Seconds that must be left before the deadline for a call to be begun.
    least_s: float = 0.5
    # Tokens of one answer: a verdict for each of three stretches takes about 60.
    max_output_tokens: int = 300
    # Requests sent for one call: a second could be billed too, and nothing would be reserved for it.
    max_attempts: int = 1
    # Claims of one request that are judged at the same time, where they do not wait for one another.
    at_once: int = 8
    # Calls that may fail one after the other before the request asks no more: one that hangs would take all its time.
    most_failures: int = 3


@dataclass(frozen=True, slots=True)
class DisagreementConfig:
    """When two sentences are said to disagree; chosen on corpora in which nothing does, see docs/decisions/0021."""

    # Off shows none.
    shown: bool = True
    # Sentences compared with each footnote.
    compared: int = 200


@dataclass(frozen=True, slots=True)
class StepUpConfig:
    """When a larger model is asked after a smaller one; see docs/decisions/0030."""

    # A chain or a model at the gateway.
    model: str
    # Probability of being right under which an answer of the first model does not do.
    below: float = 0.7
    # A first model that finds no answer is believed where the passages hold one with less than this probability: on
    # most questions without an answer a larger model would find none either.
    refusal_from: float = 0.5


@dataclass(frozen=True, slots=True)
class AnswerConfig:
    """How an answer is put together."""

    # Tokens of evidence shown to a language model: about 30 passages.
    evidence_tokens: int = 6000
    # Passages whose sentences an answer by quotation is chosen from.
    quote_passages: int = 10
    # Probability of being right under which an answer by quotation is withheld; None takes the calibration's.
    abstain_below: float | None = None
    # Share of the answers by quotation that may be wrong, 0 to 1: the threshold is then read off the calibration's
    # risk-coverage curve. None takes the calibration's own threshold; abstain_below goes before.
    target_error: float | None = None
    # Used instead of the shipped one for answers of its mode.
    calibration: Calibration | None = None
    # The same where that one is not of the mode: a data folder keeps one for each.
    generative_calibration: Calibration | None = None
    # Nearest passages shown when the documents do not answer.
    nearest: int = 3
    # What becomes of a generated sentence that no source carries; see docs/decisions/0020.
    on_unsupported: OnUnsupported = OnUnsupported.DROP
    repair: RepairConfig = field(default_factory=RepairConfig)
    # Where the text of sources is marked as data; "words" about doubles the tokens, see docs/decisions/0021.
    marking: Marking = Marking.SENTENCES
    # Passages of one document among those that an answer is made from, as long as other documents have some.
    per_document: int | None = 5
    # Whether passages that say the same in nearly the same words are shown to the model once.
    merge_alike: bool = True
    # Whether a language model completes follow-up questions and writes suggested ones, where there is one; see
    # docs/decisions/0033.
    model_rewrites: bool = False
    disagreement: DisagreementConfig = field(default_factory=DisagreementConfig)
    # None asks one model only.
    step_up: StepUpConfig | None = None
    # What finds personal data, which the gateway then never sees; none to send everything. See docs/decisions/0027.
    recognisers: tuple[Recogniser, ...] = ()
