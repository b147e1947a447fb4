"""Decoding images and finding faces with OpenCV."""
