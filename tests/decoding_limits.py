"""The limits for decoding an image under which most tests and benchmarks run."""

from adapters.opencv.encoded import MEGABYTE, DecodingLimits

USUAL_LIMITS = DecodingLimits(max_pixels=50_000_000, memory_bytes=136 * MEGABYTE, cpu_s=4.0)
