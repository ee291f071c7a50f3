"""Why a question could not be answered.

    RagError
    +-- BudgetExceeded               budget_exceeded: the answer could cost more than was allowed
    +-- InvalidCalibration           invalid_calibration: a calibration file cannot be read
    +-- InvalidRecogniser            invalid_recogniser: what finds personal data cannot be used; nothing was sent
    +-- RerankerUnavailable          reranker_unavailable: the reranking model cannot be loaded or used
    +-- JudgeUnavailable             judge_unavailable: the model that checks claims cannot be loaded or used
    +-- GatewayError                 the language model's gateway did not give a usable answer
        +-- GatewayNotConfigured     gateway_not_configured: no address, or one that cannot be used
        +-- GatewayAuthError         gateway_auth: key refused, or its account has no credit (401-403)
        +-- GatewayRateLimited       gateway_rate_limited: too many requests (429)
        +-- GatewayBadRequest        gateway_bad_request: our request or the model's name refused (4xx)
        +-- GatewayUnavailable       gateway_unavailable: not reachable, or failing on its side (5xx)
        +-- GatewayTimeout           gateway_timeout: no answer before the deadline
        +-- GatewayProtocolError     gateway_protocol: what came back is not an OpenAI-compatible answer
        +-- IncompleteAnswer         incomplete_answer: the answer broke off before the model said it was done

``code`` is what the HTTP contract shows; ``retryable`` says whether the same call can succeed later.
No message holds the gateway's key.
"""

from __future__ import annotations


class RagError(Exception):
    """Base of everything that this package raises on purpose."""

    code = "rag_error"
    retryable = False


class BudgetExceeded(RagError):
    """The answer could cost more than the question allows."""

    code = "budget_exceeded"


class InvalidCalibration(RagError):
    """A calibration is missing, or is not one."""

    code = "invalid_calibration"


class InvalidRecogniser(RagError):
    """What finds personal data cannot be imported, or failed. Then nothing is sent."""

    code = "invalid_recogniser"


class RerankerUnavailable(RagError):
    """The reranking model cannot be loaded, or is no cross-encoder with one output."""

    code = "reranker_unavailable"


class JudgeUnavailable(RagError):
    """The model that checks claims cannot be loaded or used. What it was to check counts as unsupported."""

    code = "judge_unavailable"


class GatewayError(RagError):
    """The gateway did not give a usable answer. The message says which setting to change.

    Attributes:
        retry_after_s: Seconds the gateway asked us to wait, or None when it did not say.
        unbilled: Whether it is certain that the call costs nothing, because it was refused or never arrived.
    """

    code = "gateway_error"
    unbilled = False

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class GatewayNotConfigured(GatewayError):
    """There is no address to call, or the address or the key cannot be used as it stands."""

    code = "gateway_not_configured"


class GatewayAuthError(GatewayError):
    """The gateway refuses the key, or the account behind the key has no credit (401, 402, 403)."""

    code = "gateway_auth"


class GatewayRateLimited(GatewayError):
    """The gateway has had too many requests (429)."""

    code = "gateway_rate_limited"
    retryable = True


class GatewayBadRequest(GatewayError):
    """The gateway refuses our request or does not know the model; its own message is quoted."""

    code = "gateway_bad_request"


class GatewayUnavailable(GatewayError):
    """The gateway cannot be reached or fails on its own side (5xx, connection errors)."""

    code = "gateway_unavailable"
    retryable = True


class GatewayTimeout(GatewayError):
    """No answer came before the deadline, or nothing at all within the time for a first byte."""

    code = "gateway_timeout"
    retryable = True


class GatewayProtocolError(GatewayError):
    """What came back is not an OpenAI-compatible answer: a web page, a redirect, garbage."""

    code = "gateway_protocol"


class IncompleteAnswer(GatewayError):
    """The answer broke off before the model said that it was done.

    Attributes:
        text: What had arrived; never to be presented as a finished answer.
        cause: What broke the answer off, or None when the stream simply ended.
    """

    code = "incomplete_answer"

    def __init__(self, message: str, *, text: str = "", cause: GatewayError | None = None) -> None:
        super().__init__(message, retry_after_s=cause.retry_after_s if cause else None)
        self.retryable = cause.retryable if cause else True
        self.text = text
        self.cause = cause
