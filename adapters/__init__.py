"""One folder per technology; the classes fulfil the ports of ``application.ports``."""

import os

# ONNX Runtime writes a device id into the home folder and reports to its maker as soon as it is
# imported, whatever is asked of its own `disable_telemetry_events`. Only this variable stops both,
# and only before the import: so it is set here, where every adapter passes first.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
