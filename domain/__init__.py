"""The rules of faces, emotions, records and quotas. Standard library only."""
