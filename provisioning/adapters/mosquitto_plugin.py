"""Where Mosquitto's dynamic-security plugin lies on this machine."""

from pathlib import Path

from provisioning.core.errors import PluginMissing

_NAME = "mosquitto_dynamic_security.so"
_PLACES = ("usr/lib/*", "usr/lib", "usr/local/lib")


def find_plugin(root: Path = Path("/")) -> Path:
    """Path of the plugin. Raises PluginMissing with how to install it."""
    for place in _PLACES:
        for found in sorted(root.glob(f"{place}/{_NAME}")):
            return found
    raise PluginMissing(
        f"Mosquitto's plugin {_NAME} is not installed",
        fix="apt-get install mosquitto, then savar provision broker",
    )
