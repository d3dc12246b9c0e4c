"""Floor 2: the rules. Pure: no I/O, no clock; the same input gives the same answer for ever."""
