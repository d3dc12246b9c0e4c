"""All plants."""

from __future__ import annotations

from typing import Final

from tests.planted.plants_done import DONE
from tests.planted.plants_judged import JUDGED

PLANTS: Final = (*JUDGED, *DONE)
