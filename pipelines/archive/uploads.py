"""Uploads: what only botocore can say to S3: put with Object Lock, delete with all versions."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time
from hashlib import file_digest, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.archive.paths import FOR_EVER
from pipelines.errors import ArchiveError

if TYPE_CHECKING:
    from pipelines.lake.storage import S3Access

ATTEMPTS = 5
"""S3 answers 409 where two conditional puts collide, and asks to repeat."""
CONNECTIONS = 32
TAKEN = ("PreconditionFailed", "412")
COLLIDED = ("ConditionalRequestConflict", "409")
DENIED = ("AccessDenied", "403")


class Uploads:
    """Puts and deletes under one prefix of a bucket."""

    def __init__(
        self, url: str, access: S3Access, object_lock: str | None, held: str | None = None
    ) -> None:
        parts = urlsplit(url)
        self._url, self._bucket, self._prefix = url, parts.netloc, parts.path.strip("/")
        self._mode = object_lock.upper() if object_lock else None
        self._held = held
        self._client = _client(access)

    def put_new(self, path: str, data: bytes | Path, retain_until: date | None) -> bool:
        """Put an object in one request unless one exists; S3 takes up to 5 GB so.

        Raises:
            ArchiveError: The store refused.
        """
        options = {"ChecksumSHA256": _checksum(data), **self._lock(path, retain_until)}
        for _ in range(ATTEMPTS):
            code = self._put(path, data, options)
            if code not in COLLIDED:
                return code is None
        raise ArchiveError(f"{self._url}/{path}: others kept putting the same object; run it again")

    def _lock(self, path: str, retain_until: date | None) -> dict[str, Any]:
        """How the store is to keep an object: a legal hold has no end, a date cannot be lifted."""
        options: dict[str, Any] = {}
        if self._mode is None:
            return options
        if retain_until == FOR_EVER or (self._held and path.startswith(self._held)):
            options["ObjectLockLegalHoldStatus"] = "ON"
        dated = retain_until if retain_until != FOR_EVER else None
        until = datetime.combine(dated, time(), UTC) if dated else None
        # stores refuse a lock that has ended, and by their own clock: not one that is an argument
        if until and until > datetime.now(UTC):
            options["ObjectLockMode"] = self._mode
            options["ObjectLockRetainUntilDate"] = until
        return options

    def _put(self, path: str, data: bytes | Path, options: dict[str, Any]) -> str | None:
        from botocore.exceptions import BotoCoreError, ClientError

        name = {"Bucket": self._bucket, "Key": self._key(path), "IfNoneMatch": "*"}
        try:
            if isinstance(data, Path):
                with data.open("rb") as file:
                    self._client.put_object(**name, Body=file, **options)
            else:
                self._client.put_object(**name, Body=data, **options)
        except (BotoCoreError, ClientError, OSError) as error:
            code = _code(error)
            if code in TAKEN or code in COLLIDED:
                return code
            locks = ", s3:PutObjectRetention, s3:PutObjectLegalHold" if self._mode else ""
            needed = f"s3:PutObject{locks}"
            raise self._explained(error, path, "written", needed) from error
        return None

    def delete(self, path: str) -> None:
        """Delete every version of an object, and what marks it as deleted.

        Raises:
            ArchiveError: The store refused, as it does under Object Lock.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        key = self._key(path)
        try:
            for version, is_marker in self._versions(key):
                of = {"Bucket": self._bucket, "Key": key, "VersionId": version}
                if self._mode and not is_marker:  # what was kept for ever, until it was limited
                    self._client.put_object_legal_hold(**of, LegalHold={"Status": "OFF"})
                self._client.delete_object(**of)
        except (BotoCoreError, ClientError) as error:
            needed = (
                "s3:ListBucketVersions and s3:DeleteObjectVersion, with Object Lock "
                "s3:PutObjectLegalHold too; nobody may delete before the retention ends"
            )
            raise self._explained(error, path, "deleted", needed) from error

    def _versions(self, key: str) -> list[tuple[str, bool]]:
        """Every version of an object, and whether it only marks it as deleted."""
        pages = self._client.get_paginator("list_object_versions")
        return [
            (version["VersionId"], kind == "DeleteMarkers")
            for page in pages.paginate(Bucket=self._bucket, Prefix=key)
            for kind in ("Versions", "DeleteMarkers")
            for version in page.get(kind, ())
            if version["Key"] == key
        ]

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _explained(self, error: Exception, path: str, what: str, needed: str) -> ArchiveError:
        code = _code(error)
        if code in DENIED:
            cause = f"access was denied; the identity needs {needed}"
        elif code == "NoSuchBucket":
            cause = "the bucket does not exist; create it, or correct archive.url"
        else:
            cause = (str(error) or type(error).__name__).splitlines()[0][:300]
        return ArchiveError(f"{self._url}/{path}: cannot be {what}: {cause}")


def _checksum(data: bytes | Path) -> str:
    if isinstance(data, Path):
        with data.open("rb") as file:
            return base64.b64encode(file_digest(file, "sha256").digest()).decode()
    return base64.b64encode(sha256(data).digest()).decode()


def _code(error: Exception) -> str | None:
    response: dict[str, Any] = getattr(error, "response", {})
    code = response.get("Error", {}).get("Code")
    return str(code) if code else None


def _client(access: S3Access) -> Any:
    from botocore.config import Config
    from botocore.session import Session

    style = {"addressing_style": "path"} if access.endpoint_url else {}
    return Session().create_client(
        "s3",
        region_name=access.region,
        endpoint_url=access.endpoint_url,
        aws_access_key_id=access.access_key_id,
        aws_secret_access_key=access.secret_access_key,
        aws_session_token=access.session_token,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            max_pool_connections=CONNECTIONS,
            s3=style,
        ),
    )
