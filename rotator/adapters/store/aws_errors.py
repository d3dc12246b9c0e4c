"""What AWS says when it refuses, in plain words. Matched on the error's code: the HTTP status is nearly always 400.

Nothing that could hold a secret's text is passed on: a validation error repeats the value it rejects.
"""

from __future__ import annotations

import re

from rotator.client.bounded import MAX_BODY, too_long
from rotator.core.exposure import plain
from rotator.model.config import AwsSecretRef
from rotator.model.errors import OutsideError, Refused, StoreConflict, Unreachable

_UNAUTHORIZED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:\w+)(?: on (?:the )?resource:? (\S+))?")
_PRINCIPAL = re.compile(r"^User: (\S+)")
_KEY_LIKE = re.compile(r"sk-[\w-]+")
_CODE_LIMIT, _MESSAGE_LIMIT = 80, 2000  # characters that are looked at
_QUOTED_LIMIT = 300  # characters of AWS's own text in ours

_DENIED = {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
_CREDENTIALS = {
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "ExpiredTokenException",
    "ExpiredToken",
    "RequestExpired",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "InvalidToken",
}
_BUSY = {
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalServiceError",
    "InternalServiceErrorException",
    "InternalFailure",
    "InternalServerError",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "SlowDown",
}
_WRITES = {"PutSecretValue"}
_CREDENTIALS_HINT = (
    "Check who you are with `aws sts get-caller-identity`; set AWS_PROFILE or sign in again, then repeat the command."
)


class Absent(Refused):
    """ResourceNotFoundException: no such secret, or no such version of it."""


class Invalid(Refused):
    """InvalidParameterException, InvalidRequestException: often that a label has been moved meanwhile."""


class Exists(StoreConflict):
    """ResourceExistsException: the version id is taken by another text."""


def explain(failure: Exception, operation: str, ref: AwsSecretRef) -> OutsideError:
    """Our error for a failure of botocore. The caller raises it outside its `except`, so that nothing is chained."""
    from botocore.exceptions import ClientError

    if isinstance(failure, ClientError):
        return _answered(failure, operation, ref)
    return _unanswered(failure, operation, ref)


def no_answer(failure: Exception, operation: str, ref: AwsSecretRef) -> OutsideError:
    """Our error for an answer without the form that AWS's have. Its text is left out: it may be a secret's."""
    kind = type(failure).__name__
    return Refused(
        f"What answered {operation} for {ref.name} in {ref.region} is no AWS Secrets Manager ({kind}).",
        "Check AWS_ENDPOINT_URL, and whether a proxy or a sign-in page stands in front of it.",
    )


def _answered(failure: Exception, operation: str, ref: AwsSecretRef) -> OutsideError:
    response = getattr(failure, "response", {})
    code = plain(str(response.get("Error", {}).get("Code", "")), _CODE_LIMIT)
    message = plain(str(response.get("Error", {}).get("Message", "")), _MESSAGE_LIMIT)
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _DENIED or "KMS" in code or code in {"DecryptionFailure", "EncryptionFailure"}:
        return _denied(code, message, operation, ref)
    if code == "ResourceNotFoundException":
        return Absent(
            f"There is no secret {ref.name} in region {ref.region}, or not the version of it that was asked for.",
            "Check the region in the reference (the usual cause), the name, and the AWS account you are signed in to.",
        )
    if code in _CREDENTIALS:
        return Refused(f"AWS does not accept the credentials for {ref} ({code}).", _CREDENTIALS_HINT)
    if code == "InvalidRequestException" and ("deleted" in message or "deletion" in message):
        return deleted(ref)
    if code == "ResourceExistsException":
        return Exists(f"The version id is already in use in {ref}, with another text.")
    if code in _BUSY or status >= 500:
        return Unreachable(
            f"AWS Secrets Manager in {ref.region} did not carry out {operation} on {ref.name} ({code or status}).",
            "Repeat the command: it takes up where it stopped.",
        )
    said = "" if operation in _WRITES else _quote(message)
    kind = Invalid if code in {"InvalidParameterException", "InvalidRequestException"} else Refused
    return kind(
        f"AWS refused {operation} on {ref} ({code}).{said}", "See the Secrets Manager API reference for the code."
    )


def _denied(code: str, message: str, operation: str, ref: AwsSecretRef) -> Refused:
    found = _UNAUTHORIZED.search(message)
    action = found[1] if found else f"secretsmanager:{operation}"
    resource = (found[2] if found else None) or ref.name
    principal = _PRINCIPAL.match(message)
    who = f" for {principal[1]}" if principal else ""
    if action.startswith("kms:") or code not in _DENIED or "KMS" in message:
        needed = "kms:Decrypt and kms:GenerateDataKey" if operation in _WRITES else "kms:Decrypt"
        missing = action if action.startswith("kms:") else needed
        return Refused(
            f"The KMS key of {ref} cannot be used{who}: {operation} needs {missing} ({code}).",
            f"Allow {needed} on the key in the key's policy and in IAM, and see that the key is enabled and exists.",
        )
    deny = " An explicit deny is in the way." if "explicit deny" in message else ""
    return Refused(
        f"{action} is not allowed{who} on {resource} ({ref}).{deny}",
        f"Allow {action} on {resource} in IAM, then repeat the command.",
    )


def _unanswered(failure: Exception, operation: str, ref: AwsSecretRef) -> OutsideError:
    from botocore import exceptions as boto

    kind = type(failure).__name__
    signed_out = (
        boto.NoCredentialsError,
        boto.PartialCredentialsError,
        boto.CredentialRetrievalError,
        boto.TokenRetrievalError,
        boto.SSOError,
        boto.ProfileNotFound,
    )
    if isinstance(failure, signed_out):
        return Refused(f"There are no usable AWS credentials for {ref} ({kind}).", _CREDENTIALS_HINT)
    if isinstance(failure, boto.SSLError):
        return Refused(
            f"The TLS connection to AWS Secrets Manager in {ref.region} was not trusted.",
            "Check AWS_CA_BUNDLE and the proxy, then repeat the command.",
        )
    if too_long(failure):
        return Refused(
            f"The answer to {operation} for {ref.name} is longer than any of AWS's ({MAX_BODY} bytes).",
            "Check AWS_ENDPOINT_URL, and whether a proxy or a sign-in page stands in front of it.",
        )
    if isinstance(failure, boto.HTTPClientError | boto.ConnectionError):
        where = getattr(failure, "kwargs", {}).get("endpoint_url") or f"region {ref.region}"
        return Unreachable(
            f"AWS Secrets Manager did not answer {operation} for {ref.name} at {where} ({kind}).",
            "Check the network, the region's name and AWS_ENDPOINT_URL, then repeat the command.",
        )
    # botocore's own text is left out: a parameter that does not validate is repeated in it.
    return Refused(
        f"{operation} for {ref} could not be sent ({kind}).",
        "Check the region's name, AWS_ENDPOINT_URL and the AWS configuration files.",
    )


def deleted(ref: AwsSecretRef) -> Refused:
    command = f"aws secretsmanager restore-secret --region {ref.region} --secret-id {ref.name}"
    return Refused(
        f"The secret {ref} is scheduled for deletion.",
        f"Keep it with `{command}`, or correct the name.",
    )


def _quote(message: str) -> str:
    return " AWS says: " + _KEY_LIKE.sub("(a key)", message)[:_QUOTED_LIMIT] if message else ""
