"""Parts shared by all detectors and classifiers: the bounded executor, crops, and batching."""
