"""Object verdict: what answers of object stores mean, and requests that got none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.secrets import without_secrets
from pipelines.sinks.sink import (
    Cause,
    ConfigurationSinkError,
    PayloadSinkError,
    SinkError,
    TransientSinkError,
)

Verdict = tuple[type[SinkError], Cause]

CODES: dict[str, Verdict] = {
    # S3, and Google's XML API: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "AccessDenied": (ConfigurationSinkError, "access_denied"),
    "AllAccessDisabled": (ConfigurationSinkError, "access_denied"),
    "InvalidAccessKeyId": (ConfigurationSinkError, "bad_credentials"),
    "SignatureDoesNotMatch": (ConfigurationSinkError, "bad_credentials"),
    "RequestTimeTooSkewed": (ConfigurationSinkError, "bad_credentials"),
    "ExpiredToken": (ConfigurationSinkError, "bad_credentials"),
    "InvalidToken": (ConfigurationSinkError, "bad_credentials"),
    "InvalidSecurity": (ConfigurationSinkError, "bad_credentials"),
    "NoSuchBucket": (ConfigurationSinkError, "not_found"),
    "PermanentRedirect": (ConfigurationSinkError, "region_mismatch"),
    "AuthorizationHeaderMalformed": (ConfigurationSinkError, "region_mismatch"),
    "IllegalLocationConstraintException": (ConfigurationSinkError, "region_mismatch"),
    "SlowDown": (TransientSinkError, "throttled"),
    "RequestTimeout": (TransientSinkError, "timeout"),
    "XMinioStorageFull": (TransientSinkError, "disk_full"),
    "EntityTooLarge": (PayloadSinkError, "too_large"),
    "KeyTooLongError": (PayloadSinkError, "payload"),
    # Azure: learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
    "AuthenticationFailed": (ConfigurationSinkError, "bad_credentials"),
    "InvalidAuthenticationInfo": (ConfigurationSinkError, "bad_credentials"),
    "AuthorizationFailure": (ConfigurationSinkError, "access_denied"),
    "AuthorizationPermissionMismatch": (ConfigurationSinkError, "access_denied"),
    "ContainerNotFound": (ConfigurationSinkError, "not_found"),
    "ContainerDisabled": (ConfigurationSinkError, "access_denied"),
    "AccountIsDisabled": (ConfigurationSinkError, "access_denied"),
    "ServerBusy": (TransientSinkError, "throttled"),
    "OperationTimedOut": (TransientSinkError, "timeout"),
    "RequestBodyTooLarge": (PayloadSinkError, "too_large"),
}
STATUSES: dict[int, Verdict] = {
    401: (ConfigurationSinkError, "bad_credentials"),
    403: (ConfigurationSinkError, "access_denied"),
    404: (ConfigurationSinkError, "not_found"),
    408: (TransientSinkError, "timeout"),
    409: (TransientSinkError, "server_error"),
    413: (PayloadSinkError, "too_large"),
    429: (TransientSinkError, "throttled"),
    503: (TransientSinkError, "throttled"),
    507: (TransientSinkError, "disk_full"),
}
OTHER: dict[int, Verdict] = {
    1: (TransientSinkError, "wrong_answer"),
    3: (ConfigurationSinkError, "redirect"),
    4: (ConfigurationSinkError, "wrong_answer"),
    5: (TransientSinkError, "server_error"),
}
"""By the first digit."""
UNKNOWN: Verdict = (TransientSinkError, "wrong_answer")
ADVICE: dict[Cause, str] = {
    "access_denied": "; the identity lacks, or lost, the right to write objects there",
    "bad_credentials": "; the credentials are not, or no longer, good",
    "not_found": "; it is not there, or not under this account",
    "region_mismatch": "; it lies in another region than the settings say",
    "redirect": "; objects and credentials are not sent elsewhere: correct the sink's settings",
}
INSIDE: tuple[tuple[str, Verdict], ...] = (
    ("Temporary failure in name resolution", (TransientSinkError, "dns")),
    ("dns error", (ConfigurationSinkError, "dns")),
    ("kind: Timeout", (TransientSinkError, "timeout")),
    ("InvalidCertificate", (ConfigurationSinkError, "tls")),
    ("AlertReceived", (ConfigurationSinkError, "tls")),
    ("InvalidMessage", (ConfigurationSinkError, "tls")),
    ("DecodeCredentials", (ConfigurationSinkError, "bad_credentials")),
    ("Metadata {", (TransientSinkError, "wrong_answer")),
)
"""Signs by which the client tells of requests that got no answer."""


def refusal(error: Exception, service: str, secrets: Sequence[str] = ()) -> SinkError:
    """What the failure of a request means for delivery.

    Args:
        error: As the client raised it: the answer in words, then what is inside of the error.
        service: What to call it in the message.
        secrets: What must not be seen.
    """
    said, _, inside = without_secrets(str(error), secrets).partition("\n\nDebug source:")
    kind, cause = _verdict(said, inside)
    answer = _answer(said)
    region = re.search(r"<Region>([\w-]+)</Region>", said)
    advice = f"; it lies in {region[1]}: set region" if region else ADVICE.get(cause, "")
    return kind(f"{service}: {answer[:400]}{advice}", cause=cause, response=answer)


def _verdict(said: str, inside: str) -> Verdict:
    code, status = _code(said), _status(said)
    if "token request" in said and status in {400, 401, 403}:
        return ConfigurationSinkError, "bad_credentials"
    if code in CODES:
        return CODES[code]
    if status is not None:
        return STATUSES.get(status) or OTHER.get(status // 100, UNKNOWN)
    if "redirect without LOCATION" in said:
        return ConfigurationSinkError, "region_mismatch"
    found = (verdict for sign, verdict in INSIDE if sign in inside)
    return next(found, (TransientSinkError, "network"))


def _code(said: str) -> str:
    found = re.search(r"<Code>([\w.]+)</Code>", said)
    return found[1] if found else ""


def _status(said: str) -> int | None:
    found = re.search(r"non-2xx status code: (\d{3})", said)
    return int(found[1]) if found else None


def _answer(said: str) -> str:
    """The part of an error that the service said, or else the client."""
    message = re.search(r"<Message>(.*?)</Message>", said, re.S)
    if _code(said):
        told = " ".join(message[1].split()) if message else ""
        return f"{_status(said) or ''} {_code(said)}: {told}".strip()
    said = re.sub(r"^.*?non-2xx status code: ", "", said, flags=re.S)
    return re.sub(r"(?<= in )[\d.]+(?:ns|µs|ms|s)\b", "…", said).strip()
