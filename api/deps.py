"""What the routes work with, built once when the service starts, from the settings."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Protocol, cast

import structlog
from fastapi import Depends, Request

from api.cached import Shelf
from api.checkup import Checkup
from api.metrics import Metrics
from api.observe import Observed, ObservedGateway, ObservedParser
from api.remote.fetch import FetchConfig, Fetcher
from api.remote.networks import listed, networks
from api.tracing import open_tracing
from api.vision import GatewayVision, vision_configuration
from index.config import JobConfig
from index.jobs import JobRunner
from index.store import Store
from ingest.config import ChunkConfig, EmbedConfig, ParseConfig
from ingest.embed import Embedder, SentenceTransformerEmbedder
from ingest.errors import ParserUnavailable
from ingest.parse import Parser
from ingest.pipeline import Pipeline
from ingest.vision import VisionConfig
from rag.answer import Answerer
from rag.calibration import read_calibration
from rag.config import (
    AnswerConfig,
    DisagreementConfig,
    ExtractConfig,
    GatewayConfig,
    JudgeConfig,
    RetrieveConfig,
    StepUpConfig,
)
from rag.cost import Prices
from rag.errors import GatewayNotConfigured
from rag.gateway.file import GatewayFile, read_gateway_file
from rag.gateway.judge import GatewayJudges
from rag.judging import RESPONSE_FORMAT
from rag.personal import USUAL, Rules, named_recogniser
from rag.redaction import PrivateGateway
from rag.rerank import CrossEncoderReranker
from rag.tokens import token_counter
from rag.types import Marking, OnUnsupported
from rag.verification.judge import CrossEncoderJudge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from api.batches import BatchRunner
    from api.settings import Settings
    from ingest.confine import Confinement
    from rag.gateway import Gateway
    from rag.personal import Recogniser

log = structlog.get_logger(__name__)
MEBIBYTE = 1024 * 1024
# Seconds that jobs in work have at the service's end, twice: before and after they lose their parser.
_JOB_S = 4.0
# Seconds that drawing one page may take.
VIEW_S = 20.0
# Name of the file in the data folder that ``footnote calibrate`` writes.
CALIBRATION = "calibration.json"
# The same for answers in a model's sentences.
GENERATIVE_CALIBRATION = "calibration-generative.json"
# What FOOTNOTE_VERIFIER says when a language model at the gateway is to judge.
GATEWAY = "gateway"
# What FOOTNOTE_OCR_LANGUAGES says when tesseract is not to be used. An empty variable counts as one that is not set.
NO_RECOGNITION = "none"


class ReadyEmbedder(Embedder, Protocol):
    """An embedder that says whether it is loaded."""

    @property
    def ready(self) -> bool:
        """Whether embedding would begin at once."""


@dataclass(slots=True)
class Service:
    """A running service: the store, who fills it and who answers from it.

    Attributes:
        parser: For the ingestion jobs.
        viewer: For people who wait: page images and the places of quotes.
        gateway: None without a gateway URL.
        embedder_error: Why the embedding model could not be loaded, if so.
    """

    settings: Settings
    store: Store
    embedder: ReadyEmbedder
    parser: Parser
    viewer: Parser
    runner: JobRunner
    gateway: Gateway | None
    answerer: Answerer
    fetcher: Fetcher
    observed: Observed
    checkup: Checkup
    shelf: Shelf
    # Made at the start of the application, in its event loop.
    batches: BatchRunner = field(init=False)
    embedder_error: str = ""
    confinement: Confinement | None = None
    confinement_error: str = ""

    def warm_up(self) -> None:
        """Start a parser and load the embedding model in the background; until then it is alive and not ready."""

        def load() -> None:
            self._look_at_parser()
            try:
                self.embedder.load()
            except Exception as error:
                log.exception("embedder_unavailable")
                self.embedder_error = str(error)

        threading.Thread(target=load, name="warm-up", daemon=True).start()

    def _look_at_parser(self) -> None:
        """Start a parser's process, and say in the log what the operating system keeps it from."""
        try:
            self.confinement = found = self.parser.confinement()
        except ParserUnavailable as error:
            self.confinement_error = str(error)
            log.error("parser_unavailable", reason=str(error))  # noqa: TRY400 -- the message says it all.
            return
        if found.complete:
            log.info("parser_confined", landlock=found.files, seccomp=found.calls)
        else:
            log.warning("parser_not_confined", landlock=found.files, seccomp=found.calls, reason=found.reason)

    async def close(self) -> None:
        """Finish what can be finished and let go of everything."""
        if self.gateway is not None:
            await self.gateway.aclose()
        if self.answerer.judges is not None:
            await self.answerer.judges.gateway.aclose()
        self.checkup.stop()
        self.runner.stop(_JOB_S)
        # A job that still reads its file learns of the end by losing the parser, and is handed back.
        self.parser.close()
        self.runner.stop(_JOB_S)
        self.viewer.close()
        self.store.close()
        self.observed.tracing.close()


def calibration_file(settings: Settings) -> Path | None:
    """The calibration of the user's own that is used: the one that a setting names, or that of the data folder."""
    if settings.calibration is not None:
        return settings.calibration
    own = settings.data / CALIBRATION
    return own if own.is_file() else None


def _judges(
    verifier: str | None,
    config: GatewayConfig,
    observed: Observed,
    recognisers: Sequence[Recogniser] = (),
) -> GatewayJudges | None:
    """The judge that FOOTNOTE_VERIFIER names, where that is a model at the gateway."""
    word, _, name = (verifier or "").partition(":")
    if word != GATEWAY:
        return None
    if not config.is_set:
        raise GatewayNotConfigured(
            f"FOOTNOTE_VERIFIER is {verifier!r}, which needs a gateway. Set FOOTNOTE_GATEWAY_URL, or unset "
            "FOOTNOTE_VERIFIER, and claims are checked by the built-in model."
        )
    if verifier != GATEWAY and not name.strip():
        raise GatewayNotConfigured(
            f"FOOTNOTE_VERIFIER is {verifier!r}. Name a model after the colon, as in gateway:gpt-4.1-mini, or write "
            "gateway alone for the one of FOOTNOTE_MODEL."
        )
    judging = JudgeConfig()
    own = replace(
        config,
        model=name.strip() or config.model,
        max_attempts=judging.max_attempts,
        max_output_tokens=judging.max_output_tokens,
        temperature=0.0,
        response_format=RESPONSE_FORMAT,
        logprobs=False,
    )
    gateway = ObservedGateway(own, observed)
    asked = PrivateGateway(gateway, recognisers) if recognisers else gateway
    return GatewayJudges(asked, own.model, judging)


def build(settings: Settings, embedder: ReadyEmbedder | None = None) -> Service:
    """Open the data folder and put the service together. Nothing is running yet.

    Args:
        settings: What to build it from.
        embedder: In the place of the one that the settings name.

    Raises:
        FolderInUse: Another process holds the data folder.
        GatewayNotConfigured: The gateway's address or key cannot be used as it stands, or not for what is asked of it.
        InvalidCalibration: The calibration's file cannot be read.
        TracingUnavailable: Traces are asked for, and the extra for them is not installed.
    """
    parse_config = ParseConfig(
        timeout_s=settings.parse_timeout_s,
        cpu_s=settings.parse_cpu_s,
        sandbox=settings.parse_sandbox,
        memory_bytes=settings.parse_memory_mib * MEBIBYTE,
        max_bytes=settings.max_upload_mib * MEBIBYTE,
        ocr_languages="" if settings.ocr_languages == NO_RECOGNITION else settings.ocr_languages,
        pictures=settings.vision is not None,
        figure_share=settings.vision_figure_share,
    )
    gateway_config = gateway_configuration(settings)
    observed = Observed(Metrics(), open_tracing(settings.otlp_endpoint))
    gateway = ObservedGateway(gateway_config, observed) if gateway_config.is_set else None
    tokens = token_counter()
    recognisers = _recognisers(settings)
    vision_config = vision_configuration(settings, gateway_config, redacted=bool(recognisers))
    judges = _judges(settings.verifier, gateway_config, observed, recognisers)
    embedder = embedder or SentenceTransformerEmbedder(
        EmbedConfig(model=settings.embedder, precision=settings.embedder_precision)
    )
    written = settings.data / GENERATIVE_CALIBRATION
    generative = read_calibration(written) if written.is_file() else None
    calibration = read_calibration(own) if (own := calibration_file(settings)) else None
    if settings.calibration is None and calibration and generative and calibration.mode == generative.mode:
        # Earlier versions kept the only one under the other name; what was fitted since goes before it.
        calibration = None
    parser = ObservedParser(parse_config, settings.ingest_workers, observed.metrics)
    # People wait for page images, and only so many can wait at once.
    viewer = Parser(replace(parse_config, timeout_s=min(VIEW_S, settings.parse_timeout_s), ocr_languages=""))
    store = Store(settings.data, settings.views)
    store.finish_interrupted()
    pipeline = Pipeline(
        parser,
        embedder,
        parse_config,
        ChunkConfig(max_tokens=settings.passage_tokens, embed_timeout_s=settings.embed_timeout_s),
        vision=None
        if vision_config is None
        else GatewayVision(vision_config, settings.vision_usd, store, observed, tokens.count),
        vision_config=VisionConfig(max_pictures=settings.vision_pages),
    )
    answerer = Answerer(
        store=store,
        embedder=embedder,
        parser=viewer,
        gateway=gateway,
        gateway_config=gateway_config,
        tokens=tokens,
        retrieve_config=RetrieveConfig(),
        reranker=CrossEncoderReranker(settings.reranker) if settings.reranker else None,
        judge=CrossEncoderJudge(settings.verifier) if settings.verifier and judges is None else None,
        extract_config=ExtractConfig(),
        config=AnswerConfig(
            evidence_tokens=settings.evidence_tokens,
            target_error=settings.target_error,
            calibration=calibration,
            generative_calibration=generative,
            on_unsupported=OnUnsupported(settings.unsupported),
            marking=Marking(settings.mark_sources),
            per_document=settings.passages_per_document or None,
            merge_alike=settings.merge_alike,
            disagreement=DisagreementConfig(shown=settings.disagreements),
            recognisers=recognisers,
            step_up=StepUpConfig(settings.step_up, settings.step_up_below) if settings.step_up else None,
            model_rewrites=settings.rewrite == "model",
        ),
        judges=judges,
    )
    return Service(
        settings=settings,
        store=store,
        embedder=embedder,
        parser=parser,
        viewer=viewer,
        runner=JobRunner(
            store,
            pipeline,
            JobConfig(
                workers=settings.ingest_workers,
                silence_s=max(JobConfig().silence_s, 2 * settings.parse_timeout_s),
            ),
        ),
        gateway=gateway,
        fetcher=Fetcher(_fetch_config(settings)),
        observed=observed,
        checkup=Checkup(store, observed.metrics, settings.doctor_hours * 3600),
        answerer=answerer,
        shelf=Shelf(store, answerer, settings.answer_cache_hours * 3600),
    )


def gateway_configuration(settings: Settings) -> GatewayConfig:
    """Where language models are.

    Raises:
        GatewayNotConfigured: The file that a setting names cannot be used.
    """
    path = settings.gateway_file
    found = GatewayFile() if path is None else read_gateway_file(path, os.environ)
    return GatewayConfig(
        url=settings.gateway_url,
        key=settings.gateway_key.get_secret_value() if settings.gateway_key else None,
        model=settings.model,
        proxy=settings.gateway_proxy,
        deadline_s=settings.gateway_deadline_s,
        logprobs=settings.logprobs,
        endpoints=found.endpoints,
        chains=found.chains,
        prices=Prices(found.prices),
    )


def _recognisers(settings: Settings) -> tuple[Recogniser, ...]:
    """What finds personal data before the gateway is asked.

    Raises:
        InvalidRecogniser: The one that a setting names cannot be used.
    """
    kinds = listed(settings.redact)
    rules = (Rules(USUAL if kinds == ["usual"] else [*kinds, *(USUAL if "usual" in kinds else ())]),)
    if settings.redact_with is None:
        return rules if kinds else ()
    own = named_recogniser(settings.redact_with)
    return (*rules, own) if kinds else (own,)


def _fetch_config(settings: Settings) -> FetchConfig:
    return FetchConfig(
        mode=settings.url_ingestion,
        hosts=frozenset(listed(settings.url_hosts.lower())),
        networks=networks(settings.url_networks),
        ports=frozenset(map(int, listed(settings.url_ports))),
        timeout_s=settings.url_timeout_s,
        max_bytes=settings.max_upload_mib * MEBIBYTE,
    )


async def _service(request: Request) -> Service:
    return cast("Service", request.app.state.service)


ServiceDep = Annotated[Service, Depends(_service)]
