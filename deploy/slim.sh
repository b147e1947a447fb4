#!/bin/sh
# Takes out of an installation what the service does not load. The Dockerfile runs it:
#
#   deploy/slim.sh /opt/emotion-api/lib/python3.11/site-packages
#
# It needs `strip` and `readelf` (Debian's binutils).
set -eu
cd "$1"

# Tests and sources of C, and ONNX Runtime's library for C, which Python has a second time.
find . -type d \( -name tests -o -name __pycache__ \) -prune -exec rm -r {} +
find . -type f \( -name '*.c' -o -name '*.pyx' -o -name '*.js.map' -o -name 'libonnxruntime.so.*' \) -delete

# Cascades that no detector here reads.
find cv2/data -name '*.xml' ! -name 'haarcascade_frontalface_alt.xml' \
  ! -name 'haarcascade_profileface.xml' -delete

# Symbols that only a debugger reads. Libraries in *.libs stay as they are: packing them has changed
# their layout, and strip can break such files.
find . -type f \( -name '*.cpython-*.so' -o -name '*.abi3.so' \) -exec strip --strip-unneeded {} +

# OpenCV and PyAV each bring FFmpeg. Where a library has the same version in both, PyAV's serves both.
opencv=opencv_python_headless.libs
for library in "$opencv"/*; do
  name=$(basename "$library")
  for same in av.libs/"${name%%-*}"-*.so"${name#*.so}"; do
    [ ! -e "$same" ] || ln -sf "../$same" "$library"
  done
done
# PyAV's libraries look for each other in the folder of the link that they were opened by.
for library in av.libs/*; do
  ln -sf "../$library" "$opencv/"
done
# What only the replaced ones needed goes, an old OpenSSL among it, and then what only that needed.
left() { find "$opencv" -type f | sort; }
before=
while [ "$before" != "$(left)" ]; do
  before=$(left)
  needed=$(find . -type f -name '*.so*' -exec readelf --dynamic {} + | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
  for library in $before; do
    echo "$needed" | grep -qxF "$(basename "$library")" || rm "$library"
  done
done
