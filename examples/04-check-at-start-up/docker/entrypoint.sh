#!/bin/sh
# Looks at the key's text, in a twentieth of a second and without a network. Quotes that `docker run --env-file` kept, a line end, an
# Admin key or an empty variable end the container here, with the reason in its log, and not in an hour with a 401.
set -eu
code=0
rotate check --env ANTHROPIC_API_KEY --offline --quiet || code=$?
if [ "$code" -eq 5 ]; then  # 6: a form that rotate does not know; it said so, and Anthropic may have changed its keys
    exit 5
fi
exec "$@"
