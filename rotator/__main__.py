"""`python -m rotator` is `rotate`."""

from rotator.cli import main

main()
