"""The least privileged IAM policy for rotating secrets: the twin of Vault's, in `vault_preflight.py`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rotator.adapters.store.aws_rights import READS, WRITES
from rotator.model.config import AwsSecretRef

KMS = (
    "Where a secret is encrypted with a KMS key of your own, allow kms:Decrypt and kms:GenerateDataKey on that key, "
    "too; AWS's own key aws/secretsmanager needs nothing."
)
"""https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html"""


def policy(refs: Sequence[AwsSecretRef]) -> str:
    """The policy document as JSON: the actions that a rotation and its rollback call, on these secrets alone."""
    statement = {
        "Sid": "Rotate",
        "Effect": "Allow",
        "Action": sorted((*READS, *WRITES)),
        "Resource": list(dict.fromkeys(_arn(ref) for ref in refs)),
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def _arn(ref: AwsSecretRef) -> str:
    """AWS ends a secret's ARN with six characters of its own. The account is left open: the reference has none."""
    if ref.name.startswith("arn:"):
        return ref.name
    partition = (
        "aws-cn" if ref.region.startswith("cn-") else "aws-us-gov" if ref.region.startswith("us-gov-") else "aws"
    )
    return f"arn:{partition}:secretsmanager:{ref.region}:*:secret:{ref.name}-??????"
