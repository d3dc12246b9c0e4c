"""Stands for the application."""

import os
import sys

sys.stdout.write(f"the application starts with a key of {len(os.environ['ANTHROPIC_API_KEY'])} characters\n")
