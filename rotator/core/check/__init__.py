"""What `rotate check` makes of what it finds: pure, like the rest of core. Begin with `diagnosis.py`."""
