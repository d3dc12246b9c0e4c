"""Floor 0: what the tool talks about, as frozen data. No I/O, no clock, no decisions."""
