"""Every setting of the service: flags first, then ``FOOTNOTE_*`` variables, then a ``.env`` file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.remote.networks import listed, networks
from index.config import ViewConfig
from rag.personal import KINDS

_SENDABLE = re.compile(r"[!-~]+")


class Settings(BaseSettings):
    """Settings with defaults that are safe and good on a laptop."""

    # An empty variable is one that was not set: an empty key must not pass for a key.
    model_config = SettingsConfigDict(
        env_prefix="FOOTNOTE_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    data: Path = Field(Path("footnote-data"), description="Folder with everything that is stored.")
    host: str = Field("127.0.0.1", description="Address to listen on. Others than loopback need a key.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    public_url: str | None = Field(
        None,
        pattern="^https?://",
        description="Address under which others reach the service, such as https://docs.example.org, for the links in "
        "what other programs show. Without it, the one that the request was sent to.",
    )
    admin_key: SecretStr | None = Field(
        None,
        description="A key that may do everything, beside those of `footnote keys`. With any key, requests need one.",
    )
    metrics_key: SecretStr | None = Field(
        None,
        description="A second bearer token, for /metrics alone, so that a monitor need not hold the admin key.",
    )
    gateway_url: str | None = Field(
        None,
        description="Address of an OpenAI-compatible gateway, such as https://api.openai.com/v1. "
        "Without it answers are quotations.",
    )
    gateway_key: SecretStr | None = Field(None, description="Key of the gateway.")
    gateway_proxy: str | None = Field(
        None, description="HTTP proxy on the way to the gateway. HTTP_PROXY and its relatives are not read."
    )
    model: str = Field("gpt-4.1-mini", description="Model to ask the gateway for.")
    gateway_deadline_s: float = Field(
        60.0, gt=0, description="Seconds for one answer of the gateway, with every retry."
    )
    gateway_file: Path | None = Field(
        None,
        description="TOML file with several endpoints, chains of models with fallback, and prices: see "
        "docs/gateway.md. With endpoints in it, GATEWAY_URL is not needed and MODEL may name a chain.",
    )
    step_up: str | None = Field(
        None,
        description="A larger model, or a chain, that is asked where the answer of MODEL is verified too weakly. An "
        "answer is then shown only once it is whole.",
    )
    step_up_below: float = Field(
        0.7, gt=0, le=1, description="Confidence under which STEP_UP is asked, budget and time allowing."
    )
    logprobs: bool = Field(
        False,
        description="Whether to ask the gateway for the probabilities of tokens, which lower the confidence of answers "
        "that their model was not sure of. Left out for models that refuse it.",
    )
    answer_cache_hours: float = Field(
        24.0,
        ge=0,
        le=8760,
        description="Hours for which an answer may be given again to the same question, as long as nothing that it "
        "rests on has changed; 0 to answer anew each time.",
    )
    batch_workers: int = Field(
        2, ge=0, le=32, description="Questions in bulk answered at the same time; 0 leaves them waiting."
    )
    embedder: str = Field(
        "bundled",
        description='Embedding model: "bundled" (all-MiniLM-L6-v2, no network), a folder, or a name that '
        "sentence-transformers can download.",
    )
    embedder_precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Arithmetic of the embedding model: bfloat16 where the CPU is fast at it, or float32.",
    )
    reranker: str | None = Field(
        None,
        description="Cross-encoder that reads the best passages together with the question before they are shown, "
        "by folder or by a name that sentence-transformers can download, such as "
        "cross-encoder/ms-marco-MiniLM-L6-v2. Slow on a CPU; without it nothing is reranked.",
    )
    verifier: str | None = Field(
        None,
        description='Who judges whether a source carries a sentence, in the place of the built-in model: "gateway" '
        "(the language model of MODEL, at the gateway), gateway:NAME (another model there, such as "
        "gateway:gpt-4.1-nano), or an inference model by folder or by a name that sentence-transformers can download, "
        "such as cross-encoder/nli-deberta-v3-small, slow on a CPU. At the gateway each sentence costs one call or a "
        "few, within the deadline and the budget of the answer. Numbers, names and the like are compared anyway.",
    )
    passage_tokens: int = Field(
        128,
        ge=16,
        le=512,
        description="Word pieces in one passage, at most. Never more than the embedding model reads less 64 for "
        "title and headings: 190 for the bundled one.",
    )
    evidence_tokens: int = Field(
        6000, ge=200, description="Tokens of evidence shown to the language model for one answer."
    )
    target_error: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Share of the answers by quotation that may be wrong, such as 0.1: those that are less certain are "
        "withheld, by the calibration's risk-coverage curve. Without it the calibration's own threshold holds.",
    )
    calibration: Path | None = Field(
        None,
        description="File of a calibration fitted on your own judged answers. Without it that of the data folder is "
        "used, which `footnote calibrate` writes, or else the shipped one.",
    )
    unsupported: Literal["flag", "drop", "abstain"] = Field(
        "drop",
        description="What becomes of a generated sentence that no source carries and that could not be repaired: flag "
        "(shown with its verdict, without a footnote), drop, or abstain (the whole answer is withheld).",
    )
    mark_sources: Literal["off", "sentences", "words"] = Field(
        "sentences",
        description="Where the text of documents is marked as data in what the language model reads: before each "
        "sentence, between all words (about twice the tokens), or not at all.",
    )
    redact: str = Field(
        "",
        description="Personal data that the gateway never sees: a list such as email,phone,iban,card,ssn,ip,passport, "
        "or usual for all but the last. It comes back in the answer.",
    )
    redact_with: str | None = Field(
        None,
        description="A recogniser of your own for personal data, named as package.module:name; see docs/security.md.",
    )
    passages_per_document: int = Field(
        5,
        ge=0,
        description="Passages of one document among those that an answer is made from, as long as other documents have "
        "some; 0 for no limit.",
    )
    merge_alike: bool = Field(
        True,
        description="Whether passages of several documents that say the same in nearly the same words, and in the same "
        "numbers and names, are shown to the language model once.",
    )
    disagreements: bool = Field(
        True,
        description="Whether answers show where other passages found contradict or supersede a footnote.",
    )
    conversation_days: float = Field(
        30.0,
        ge=0,
        le=3650,
        description="Days after its last turn for which a conversation is kept; 0 keeps none.",
    )
    rewrite: Literal["rules", "model"] = Field(
        "rules",
        description="Who completes a follow-up question before it is searched for: rules, which take no time, or the "
        "language model, one more call for each answer that has turns before it. Without a gateway always rules.",
    )
    url_ingestion: Literal["off", "listed", "public"] = Field(
        "off",
        description="Whether documents may be given by their address: off, listed (only of the hosts in URL_HOSTS), or "
        "public (of every host whose addresses are public).",
    )
    url_hosts: str = Field(
        "", description="Names of the hosts that documents may be fetched from with listed, parted by commas."
    )
    url_networks: str = Field(
        "",
        description="Networks that are not public and may be fetched from all the same, such as that of a wiki: "
        "10.1.2.0/24, parted by commas. All else that is not public is refused.",
    )
    url_ports: str = Field(
        "", description="Ports that may be fetched from beside 80 and 443, parted by commas."
    )
    url_timeout_s: float = Field(
        30.0, gt=0, description="Seconds for fetching one document, redirects included."
    )
    max_upload_mib: int = Field(
        200, ge=1, description="Largest file, in MiB; a request body may be 1 MiB larger."
    )
    max_queued: int = Field(
        20_000,
        ge=1,
        description="Documents of one collection waiting to be ingested, beyond which uploads wait.",
    )
    max_questions: int = Field(
        32, ge=1, le=1000, description="Questions, searches and checks answered at the same time."
    )
    max_uploads: int = Field(8, ge=1, le=100, description="Uploads received at the same time.")
    max_waiting: int = Field(
        64,
        ge=0,
        le=10_000,
        description="Questions, and uploads, that may wait for their turn before others are refused.",
    )
    request_deadline_s: float = Field(
        120.0, gt=0, description="Seconds that answering a request may take, a streamed answer included."
    )
    transfer_deadline_s: float = Field(
        1800.0,
        gt=0,
        description="Seconds that an upload may take, with the wait for its documents, or a download.",
    )
    body_wait_s: float = Field(
        20.0,
        gt=0,
        description="Seconds that a connection may keep the service waiting for a request, a request for its body, and "
        "one more for every 8 KiB of it.",
    )
    drain_notice_s: float = Field(
        2.0,
        ge=0,
        le=10,
        description="Seconds after SIGTERM in which requests are still taken while /readyz says 503 already.",
    )
    drain_s: float = Field(
        12.0, ge=0, le=15, description="Seconds after that which open requests and streams have to finish."
    )
    parse_sandbox: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Whether the operating system keeps the parser from files and network (Landlock, seccomp): where "
        "it can, always (nothing is read where it cannot), or not at all.",
    )
    parse_cpu_s: float = Field(
        120.0, gt=0, description="Seconds of processor time that reading one file may take."
    )
    parse_timeout_s: float = Field(120.0, gt=0, description="Seconds that reading one file may take.")
    embed_timeout_s: float = Field(3600.0, gt=0, description="Seconds that embedding one file may take.")
    parse_memory_mib: int = Field(1536, ge=512, description="Memory that reading one file may take, in MiB.")
    ocr_languages: str = Field(
        "eng",
        description="Languages of scanned pages, as tesseract names them and joined by a plus, such as eng+deu. Used "
        "where the program tesseract is installed; none leaves scans to VISION.",
    )
    vision: str | None = Field(
        None,
        description="Model at the gateway, as ENDPOINT/MODEL, or a chain, that reads pages of PDFs without text and "
        "describes their figures while they are ingested; their images are sent to it. Without it none leaves the "
        "machine. See docs/gateway.md.",
    )
    vision_pages: int = Field(
        50, ge=1, le=5_000, description="Pages and figures of one document that VISION reads, pages first."
    )
    vision_usd: float = Field(
        0.5,
        ge=0,
        allow_inf_nan=False,
        description="US dollars that VISION may cost for one document; 0 for no limit.",
    )
    vision_figure_share: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Share of its page from which a picture is a figure that VISION describes; 1 for none.",
    )
    exact_vectors: int = Field(
        30_000,
        ge=0,
        description="Passages of a collection up to which a search by meaning compares all of them. Above, short codes "
        "in memory choose which are read from disk and compared: see docs/decisions/0047.",
    )
    ingest_workers: int = Field(2, ge=1, le=64, description="Documents ingested at the same time.")
    otlp_endpoint: str | None = Field(
        None,
        description="Address of an OpenTelemetry collector, such as http://localhost:4318, that gets traces without "
        "any content. Needs the extra: pip install 'footnote[tracing]'.",
    )
    doctor_hours: float = Field(
        24.0,
        ge=0,
        description="Hours between checks of the whole data folder, whose findings /metrics shows; 0 for none. They "
        "wait for a moment in which nothing is ingested.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important log lines to write."
    )

    @property
    def views(self) -> ViewConfig:
        """How collections are searched."""
        return ViewConfig(exact_up_to=self.exact_vectors)

    @field_validator("admin_key", "metrics_key")
    @classmethod
    def _can_be_sent(cls, key: SecretStr | None) -> SecretStr | None:
        # Clients could never send such a key, and its owner would be locked out.
        if key is not None and not _SENDABLE.fullmatch(key.get_secret_value()):
            raise ValueError("a key holds no spaces, no line ends, and only the letters and signs of ASCII")
        return key

    @field_validator("redact")
    @classmethod
    def _are_kinds(cls, text: str) -> str:
        if unknown := set(listed(text)) - {"usual", *KINDS}:
            raise ValueError(f"{sorted(unknown)} is not known; known are usual, {', '.join(KINDS)}")
        return text

    @field_validator("url_networks")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        networks(text)
        return text

    @field_validator("url_ports")
    @classmethod
    def _are_ports(cls, text: str) -> str:
        if not all(port.isdecimal() and 0 < int(port[:6]) < 65_536 for port in listed(text)):  # noqa: PLR2004
            raise ValueError("ports are numbers from 1 to 65535, parted by commas")
        return text
