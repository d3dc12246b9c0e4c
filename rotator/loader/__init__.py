"""Floor 4: YAML → Playbook, Config. pydantic lives only here.

`rotate.yaml` is the contract with users (docs/reference/rotate-yaml.md): strict, every problem reported at once, each
with the file, the line, the path inside the document, what is wrong and what was probably meant. Hostile input is an
error, never a traceback, and nothing that looks like a key is ever echoed.
"""

from rotator.loader.config import load_config
from rotator.loader.durations import format_duration, parse_duration
from rotator.loader.find import find_config
from rotator.loader.playbook import load_playbook, shipped_playbooks
from rotator.loader.references import parse_secret, parse_source
from rotator.loader.schema import config_schema

__all__ = [
    "config_schema",
    "find_config",
    "format_duration",
    "load_config",
    "load_playbook",
    "parse_duration",
    "parse_secret",
    "parse_source",
    "shipped_playbooks",
]
