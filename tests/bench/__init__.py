"""`make bench`: what the tool costs, as ratios measured side by side in one run. Never a test: no time is asserted."""
