"""Emotion classifiers from the transformers library, on torch."""
