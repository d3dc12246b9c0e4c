"""Floor 4: lease → fold → decide → do → append."""
