"""Floor 4: YAML → Playbook, Config. pydantic lives only here."""
