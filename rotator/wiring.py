"""Floor 5: the only place that picks adapters."""
