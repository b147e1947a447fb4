"""Emotion classifiers of the transformers library, on torch."""
