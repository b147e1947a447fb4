"""Keeping detections: answered at once, stored for certain.

A detection is first put into the spool of this host and its record into the repository
(``spooler``); then the caller gets the answer, which does not wait for a repository that is down or
slow. The image, if one is kept, follows in the background, as often as it takes (``carrier``). A
crash loses nothing: on the next start the spool still holds whatever had not arrived.

Deleting beats storing. Whoever deletes takes the spool entry too; an upload under way finds it gone
and undoes itself (``delivery``). What is in work and what is tried again when is in ``backlog``.
"""
