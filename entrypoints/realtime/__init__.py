"""The Socket.IO half of the service: live video in, faces and emotions out.

``namespace`` translates between the events of ``entrypoints.wire`` and the sessions of
``application.sessions``.
"""
