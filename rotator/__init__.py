"""rotator: replaces an Anthropic API key in production without one failed request."""

__version__ = "0.1.0"
