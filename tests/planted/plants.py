"""All plants."""

from __future__ import annotations

from typing import Final

from tests.planted.plants_decided import DECIDED
from tests.planted.plants_effected import EFFECTED
from tests.planted.plants_journaled import JOURNALED
from tests.planted.plants_seen import SEEN

PLANTS: Final = (*SEEN, *DECIDED, *JOURNALED, *EFFECTED)
