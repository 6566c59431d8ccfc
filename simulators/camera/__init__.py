"""What a camera at a bus door sees, drawn from a seed: `stream` for labelled frames, `source` for the demo's camera.

The order to read in: kinds (what there is), conditions, streams (who is shown when), held, wear and foreign (flat
drawings), geometry, cabin, sensor, picture (how a frame comes of them). `source`, `plain` and `phone` are the demo's
cameras: grey, a few milliseconds a frame, so that a city of them fits on one machine.
"""

from simulators.camera.kinds import BUSY, KINDS, STILL, Pace
from simulators.camera.picture import Picture, Shot
from simulators.camera.streams import Labelled, stream

__all__ = ["BUSY", "KINDS", "STILL", "Labelled", "Pace", "Picture", "Shot", "stream"]
