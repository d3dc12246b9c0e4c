"""The soak: real `rotate` processes, killed, stopped and cut off at random instants, and judged from outside.

    python -m rotator.sandbox.soak --kills 200 --seed 1 [--json FILE] [--seconds MAX]

One world (AWS, Anthropic, a fleet, traffic), rotation after rotation. Only the `rotate` processes reach the servers
through fault proxies; consumers and traffic go straight, so a request that fails is the rotation's fault and nobody
else's. Nothing here looks into the product: it reads the journal's table, the tool's outputs, the calls that went
through the proxies, and the state of the servers.
"""
