"""A service as most are: it reads its key once, when it starts. Only a restart changes it.

python chat.py PORT
"""

from __future__ import annotations

import json
import sys

import anthropic
import boto3
from web import MESSAGE, serve


def read_key() -> str:
    store = boto3.client("secretsmanager", region_name="eu-west-1")
    answer = store.get_secret_value(SecretId="prod/anthropic", VersionStage="AWSCURRENT")
    return str(json.loads(answer["SecretString"])["ANTHROPIC_API_KEY"])


if __name__ == "__main__":
    key = read_key()
    claude = anthropic.Anthropic(api_key=key)
    serve(int(sys.argv[1]), lambda: key, lambda: claude.messages.create(**MESSAGE))
