"""The vision model that ingestion asks: guarded at the start, paid for from the books of the document's collection."""

from __future__ import annotations

import asyncio
import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from api.observe import ObservedGateway
from api.quotas import lines_of
from ingest.errors import VisionRefused
from rag.cost import SHIPPED, Purse
from rag.errors import GatewayNotConfigured
from rag.gateway.routes import endpoints_of, resolve
from rag.gateway.vision import PROMPT_VERSION, messages_to_read, read_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from api.observe import Observed
    from api.settings import Settings
    from index.spending import Hold
    from index.store import Store
    from ingest.vision import Reader
    from rag.config import GatewayConfig

# Whose spending it is in the books: no key asks for it.
INGESTION = "ingestion"
# Tokens that the model may write of one picture: three times the words of a full page.
_MAX_OUTPUT_TOKENS = 4_096
_MAX_ANSWER_BYTES = 64 * 1024
# Seconds between looks at whether an answer is still wanted.
_LOOK_S = 0.25
_MICRO = 1_000_000


def vision_configuration(
    settings: Settings, config: GatewayConfig, *, redacted: bool
) -> GatewayConfig | None:
    """How the model of FOOTNOTE_VISION is asked; None without one.

    Args:
        settings: With the model.
        config: Where language models are.
        redacted: Whether personal data are to be kept from the gateway.

    Raises:
        GatewayNotConfigured: There is no gateway, it may not be sent images, or its price is not known.
    """
    model = settings.vision
    if model is None:
        return None
    if not config.is_set:
        raise GatewayNotConfigured(
            f"FOOTNOTE_VISION is {model!r}, which needs a gateway. Set FOOTNOTE_GATEWAY_URL or FOOTNOTE_GATEWAY_FILE, "
            "or unset FOOTNOTE_VISION."
        )
    if redacted:
        raise GatewayNotConfigured(
            "Personal data are to be kept from the gateway, and nothing finds them in images. Unset FOOTNOTE_VISION, "
            "or FOOTNOTE_REDACT and FOOTNOTE_REDACT_WITH."
        )
    own = replace(
        config,
        model=model,
        # Naming a model for it is leave enough for the one gateway; of several, each has its own word.
        images=True,
        max_output_tokens=_MAX_OUTPUT_TOKENS,
        max_answer_bytes=_MAX_ANSWER_BYTES,
        temperature=0.0,
        response_format=None,
        logprobs=False,
    )
    targets = resolve(own, None).targets
    closed = {each.name for each in endpoints_of(own) if not each.images} & {
        each.endpoint for each in targets
    }
    if closed:
        raise GatewayNotConfigured(
            f"FOOTNOTE_VISION is {model!r}, and the endpoint {min(closed)!r} is not to be sent images. Set "
            "images = true for it in the file that FOOTNOTE_GATEWAY_FILE names if it may, or name another model."
        )
    prices = own.prices or SHIPPED
    unknown = [each.name for each in targets if prices.of(each.model, each.endpoint) is None]
    if settings.vision_usd and unknown:
        raise GatewayNotConfigured(
            f"The price of {unknown[0]!r} is not known, so FOOTNOTE_VISION_USD cannot be kept. Put the price into the "
            "file that FOOTNOTE_GATEWAY_FILE names, or set FOOTNOTE_VISION_USD=0 for no limit."
        )
    return own


@dataclass(frozen=True, slots=True)
class GatewayVision:
    """Implements ``ingest.vision.Vision`` at the gateway.

    Attributes:
        config: As ``vision_configuration`` makes it.
        usd: US dollars for one document; 0 for no limit.
        count: Tokens of a text, never too few.
    """

    config: GatewayConfig
    usd: float
    store: Store
    observed: Observed
    count: Callable[[str], int]

    @property
    def name(self) -> str:
        """See ``Vision``."""
        return f"{self.config.model}@{PROMPT_VERSION}"

    @contextmanager
    def reading(self, document_id: str, pictures: int) -> Iterator[Reader]:
        """See ``Vision``. Money is held of the collection's budget before, and what is left given back after."""
        books = self.store.spending
        collection = self.store.catalog.document(document_id).collection
        hold, limit = self._held(collection, pictures)
        purse = Purse(limit, self.config.prices or SHIPPED, self.count)
        try:
            # A loop and connections of its own: it runs in the thread of the job, and the service's loop may be
            # answering people, or none may be running.
            with asyncio.Runner() as runner:
                gateway = ObservedGateway(self.config, self.observed)

                def read(image: bytes, *, whole: bool, still_wanted: Callable[[], None]) -> str:
                    if hold is not None and hold.refused_by:
                        raise VisionRefused(
                            f"The ${hold.limit / _MICRO:g} a day that the collection may spend leave no room."
                        )
                    asked = read_picture(gateway, image, purse, whole=whole)
                    return runner.run(_while_wanted(asked, still_wanted))

                try:
                    yield read
                finally:
                    runner.run(gateway.aclose())
        finally:
            spent = math.ceil(round(purse.at_most_usd * _MICRO, 3))
            lines = lines_of(INGESTION, collection, purse.calls)
            if lines or hold is not None:
                taken = None if hold is None or hold.refused_by else hold
                books.settle(taken, INGESTION, spent, lines)

    def _held(self, collection: str, pictures: int) -> tuple[Hold | None, float | None]:
        """Money held for a document where its collection has a budget, and the limit that it is held to."""
        books, limit = self.store.spending, self.usd or None
        if books.limit(collection) is None:
            return None, limit
        most = self._most() * pictures
        limit = most if limit is None else min(limit, most)
        taken = max(1, math.ceil(round(limit * _MICRO, 3)))
        hold = books.hold(INGESTION, None, collection, taken)
        if hold.refused_by:
            self.observed.metrics.budget_refusals.labels(hold.refused_by).inc()
        return hold, limit

    def _most(self) -> float:
        """US dollars that one picture can cost, asked of every model of the chain as often as it may be."""
        estimate = Purse(None, self.config.prices or SHIPPED, self.count)
        chain = resolve(self.config, None)
        for target in chain.targets:
            message = messages_to_read(b"", whole=True)
            estimate.reserve(target.model, message, self.config.max_output_tokens, target.endpoint)
        return estimate.at_most_usd


async def _while_wanted(asked: Coroutine[None, None, str], still_wanted: Callable[[], None]) -> str:
    """What was asked for, given up as soon as it is no longer wanted."""
    task = asyncio.create_task(asked)
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_S))[0]:
            still_wanted()
        return task.result()
    finally:
        task.cancel()
        # Until the connection is closed and what it can have cost is known.
        await asyncio.gather(task, return_exceptions=True)
