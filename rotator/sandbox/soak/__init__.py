"""The soak: real `rotate` processes, killed, stopped and cut off at random instants, and judged from outside.

    python -m rotator.sandbox.soak --kills 200 --seed 1 [--json FILE] [--seconds MAX]

Two worlds at once, one with AWS as its store and one with Vault, each with an Anthropic, a fleet and traffic of its
own; in each, rotation after rotation: some are rolled back, some are of a leaked key, some read usage by an Admin key.
Only the `rotate` processes reach the servers through fault proxies; consumers and traffic go straight, so a request
that fails is the rotation's fault and nobody else's. Nothing here looks into the product: it reads the journal's
table, the tool's outputs, the calls that went through the proxies, and the state of the servers.
"""
