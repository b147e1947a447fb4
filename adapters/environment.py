"""Environment variables that libraries read and that cannot be given to them in any other way.

No other module changes the environment of the process.
"""

from __future__ import annotations

import os


def turn_off_onnx_runtime_telemetry() -> None:
    """Keep ONNX Runtime from writing a device id into the home folder and reporting to its maker.

    It does both as soon as it is imported, whatever its own ``disable_telemetry_events`` is told
    afterwards, so this has to be called before the import.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def use_firebase_emulator(address: str) -> None:
    """Make the Firebase SDK talk to an emulator; it reads the variable each time it checks a token.

    Args:
        address: host and port.
    """
    os.environ["FIREBASE_AUTH_EMULATOR_HOST"] = address
