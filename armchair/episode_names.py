"""Where an episode lies and what it is called, from its index alone; virtual time, no clock.

Layout: <root>/<LAB>/{success,failure}/<YYYY-MM-DD>/<asctime with _>/, see `armchair.episode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

LAB = "ARMCHAIR"
USER_ID = "00000000"
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
"""Virtual start of episode 0; episode i starts `SPACING` times i later."""
SPACING = timedelta(seconds=120)

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()

TRAJECTORY = "trajectory.h5"
SIMULATION = "simulation.h5"
OBJECT_POSE, FINGER_CONTACTS, HELD = "object_pose", "finger_contacts", "held"
"""In `simulation.h5`: (T, 7) metres and quaternion w x y z; (T, 2) left, right; (T,)."""
MP4_FOLDER = "recordings/MP4"
SVO_FOLDER = "recordings/SVO"


@dataclass(frozen=True)
class EpisodeName:
    """Every name of episode `index`; no name holds a space, the uuid neither `_` nor `.`."""

    index: int

    @property
    def start(self) -> datetime:
        """Virtual time of row 0, UTC."""
        return EPOCH + self.index * SPACING

    @property
    def start_ms(self) -> int:
        """Virtual time of row 0 in ms since 1970."""
        return round(self.start.timestamp() * 1000)

    @property
    def date(self) -> str:
        """YYYY-MM-DD."""
        return f"{self.start:%Y-%m-%d}"

    @property
    def timestamp(self) -> str:
        """YYYY-MM-DD-HHh-MMm-SSs, as DROID's metadata have it."""
        return f"{self.start:%Y-%m-%d-%Hh-%Mm-%Ss}"

    @property
    def asctime(self) -> str:
        """The time attribute: `Wed_Jan__1_00:00:00_2025` (days below 10 are padded by asctime)."""
        return self.start.ctime().replace(" ", "_")

    @property
    def folder(self) -> str:
        """Name of the episode's own folder: asctime without colons."""
        return self.asctime.replace(":", "_")

    @property
    def uuid(self) -> str:
        """<LAB>+<user_id>+<timestamp>."""
        return f"{LAB}+{USER_ID}+{self.timestamp}"

    @property
    def metadata_file(self) -> str:
        """The one *.json in the episode's folder."""
        return f"metadata_{self.uuid}.json"

    def relative(self, success: bool) -> PurePosixPath:
        """Return the episode's folder relative to the lab folder."""
        return PurePosixPath("success" if success else "failure", self.date, self.folder)


def index_of(folder: str) -> int | None:
    """Return the index that names this episode folder, or None for a name that is not ours."""
    parts = folder.split("_")[1:]
    try:  # strptime's %b would depend on the locale
        month, day, hour, minute, second, year = (part for part in parts if part)
        date = datetime(int(year), MONTHS.index(month) + 1, int(day), tzinfo=UTC)
        start = date.replace(hour=int(hour), minute=int(minute), second=int(second))
    except ValueError:
        return None
    index, rest = divmod(start - EPOCH, SPACING)
    return index if index >= 0 and not rest and EpisodeName(index).folder == folder else None
