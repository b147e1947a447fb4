"""The Socket.IO half of the service: live video in, faces and emotions out.

``namespace`` translates between the wire and the sessions of ``application``; what a message may
say is in ``payloads``, what is answered in ``presenters`` and ``errors``.
"""
