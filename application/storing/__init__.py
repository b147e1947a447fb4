"""Storing detections without delaying the answer and without losing any.

A detection is first put into the spool of this host and its record into the repository
(``spooler``); then the caller gets the answer, which does not wait for a repository that is down or
slow. The image, if one is kept, is stored in the background and retried until done (``carrier``). A
crash loses nothing: at the next start the spool still holds what was not stored.

Deletion wins over storing: it removes the spool entry too, and an upload under way finds the entry
gone and undoes itself (``delivery``). What is in work and when it is retried is in
``retry_schedule``.
"""
