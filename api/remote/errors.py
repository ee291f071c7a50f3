"""Why a document could not be fetched from its address.

    UrlError
    +-- UrlForbidden       url_forbidden: not an address that this service may fetch from
    |   +-- UrlInvalid     url_invalid: no http or https address in its plain form
    +-- UrlUnreachable     url_unreachable: no answer, not in time, or not with a document
    +-- UrlTooLarge        url_too_large: more bytes than one file may have
    +-- UrlUnsupported     url_unsupported: the answer is of a kind that holds no text
    +-- UrlBusy            url_busy: as many documents are being fetched as may be at a time

No message says what an address resolved to or whether anything listens there: that would make the service a probe of
the networks around it.
"""

from __future__ import annotations


class UrlError(Exception):
    """Base of everything that fetching raises on purpose."""

    code = "url_error"
    retryable = False


class UrlForbidden(UrlError):
    """Not an address that this service may fetch from."""

    code = "url_forbidden"


class UrlInvalid(UrlForbidden):
    """No http or https address in its plain form."""

    code = "url_invalid"


class UrlUnreachable(UrlError):
    """No answer, not in time, or not with a document."""

    code = "url_unreachable"
    retryable = True


class UrlTooLarge(UrlError):
    """More bytes than one file may have."""

    code = "url_too_large"


class UrlUnsupported(UrlError):
    """The answer is of a kind that holds no text."""

    code = "url_unsupported"


class UrlBusy(UrlError):
    """As many documents are being fetched as may be at a time."""

    code = "url_busy"
    retryable = True
    retry_after_s = 5.0
