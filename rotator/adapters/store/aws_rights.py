"""May we do in AWS what a rotation of a secret needs? Asked of IAM's policy simulator, which changes nothing.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
The simulator knows the policies of the identity; a policy of the secret itself, or of a key in KMS, can still say
otherwise. Where it may not be asked, two reads are tried and the writes are said to be untried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rotator.adapters.store.aws_calls import SecretCalls
from rotator.adapters.store.aws_secret import CURRENT
from rotator.client.bounded import WHOLE_SECONDS, bounded_session, patience, unreadable, words
from rotator.core.check.readiness import Answer, Need
from rotator.core.exposure import plain
from rotator.model.config import AwsSecretRef
from rotator.model.errors import OutsideError

READS = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
WRITES = (
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecretVersionStage",
    "secretsmanager:TagResource",
    "secretsmanager:UntagResource",
)
_KMS = ("kms:Decrypt", "kms:GenerateDataKey")
_SECONDS, _ATTEMPTS = 10, 2
_ARN_LIMIT = 600  # characters
_CODE_LIMIT = 80  # characters of an action's name, a decision, an error's code
_ASSUMED = re.compile(r"arn:(?P<part>[a-z-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")


def rehearsed(ref: AwsSecretRef) -> Sequence[Need]:
    """One for each permission, for a secret that was just read. Never raises for what AWS answers."""
    try:
        simulated = list(_simulated(ref))
    except _NotAsked as why:
        return list(_read_only(ref, str(why)))
    return simulated


class _NotAsked(Exception):
    """The simulator's answer cannot be had; the text says why."""


def _simulated(ref: AwsSecretRef) -> Iterator[Need]:
    from botocore.exceptions import BotoCoreError, ClientError

    unclear: tuple[type[Exception], ...] = (BotoCoreError, *unreadable())
    config = patience(_SECONDS, _SECONDS, _ATTEMPTS)
    session: Any = bounded_session(WHOLE_SECONDS)  # without its type: boto3-stubs knows no iam here
    try:
        (caller,) = words(session.client("sts", region_name=ref.region, config=config).get_caller_identity()["Arn"])
        described = session.client("secretsmanager", region_name=ref.region, config=config).describe_secret(
            SecretId=ref.name
        )
        iam = session.client("iam", region_name=ref.region, config=config)
        source = _principal(plain(caller, _ARN_LIMIT))
        results = _ask(iam, source, (*READS, *WRITES), *words(described["ARN"]))
        kms = str(described.get("KmsKeyId") or "")
        if kms.startswith("arn:"):
            results += _ask(iam, source, _KMS, kms)
    except ClientError as refusal:
        code = plain(str(refusal.response.get("Error", {}).get("Code", "")), _CODE_LIMIT)
        raise _NotAsked(f"IAM's simulator may not be asked ({code})") from None
    except unclear as failure:
        raise _NotAsked(f"IAM's simulator could not be asked ({type(failure).__name__})") from None
    for action, decision in results:
        yield _judged(ref, action, decision, source)
    if kms and not kms.startswith("arn:"):
        why = "the secret names its key in KMS without an ARN, which the simulator needs"
        yield from (Need(part=str(ref), what=action, answer=Answer.UNTRIED, why=why) for action in _KMS)


def _ask(iam: Any, source: str, actions: Sequence[str], resource: str) -> list[tuple[str, str]]:
    """Action and decision, one by one."""
    answer = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=list(actions), ResourceArns=[resource])
    told = [words(one["EvalActionName"], one["EvalDecision"]) for one in answer["EvaluationResults"]]
    return [(plain(action, _CODE_LIMIT), plain(decision, _CODE_LIMIT)) for action, decision in told]


def _principal(caller: str) -> str:
    """The identity whose policies count: a session of an assumed role is its role. Raises `_NotAsked` for others."""
    assumed = _ASSUMED.fullmatch(caller)
    if assumed:
        return f"arn:{assumed['part']}:iam::{assumed['account']}:role/{assumed['role']}"
    if ":user/" in caller and ":iam:" in caller:
        return caller
    raise _NotAsked("IAM's simulator knows users and roles only, and we are neither")


def _judged(ref: AwsSecretRef, action: str, decision: str, source: str) -> Need:
    if decision == "allowed":
        why = "IAM's simulator says so; the secret's own policy was not asked"
        return Need(part=str(ref), what=action, answer=Answer.YES, why=why)
    why = f"{decision} for {source}, by IAM's simulator"
    if decision == "implicitDeny":  # of an identity's policies; a policy of the secret itself may add what they lack
        if action == "secretsmanager:GetSecretValue":
            return Need(part=str(ref), what=action, answer=Answer.YES, why="it was done")
        why += " (it does not know a policy of the secret itself)"
    fix = f"Allow {action} on this secret to {source}."
    return Need(part=str(ref), what=action, answer=Answer.NO, why=why, fix=fix)


def _read_only(ref: AwsSecretRef, why: str) -> Iterator[Need]:
    """Where the simulator is not to be had. Whether a key in KMS lets us write is not known then either."""
    calls = SecretCalls(ref, None)
    reads: tuple[Callable[[], object], ...] = (calls.describe, lambda: calls.content(CURRENT))
    for action, read in zip(READS, reads, strict=True):
        try:
            read()
        except OutsideError as refusal:
            yield Need(part=str(ref), what=action, answer=Answer.NO, why=refusal.message, fix=refusal.hint)
        else:
            yield Need(part=str(ref), what=action, answer=Answer.YES, why="it was done")
    for action in WRITES:
        yield Need(part=str(ref), what=action, answer=Answer.UNTRIED, why=why)
