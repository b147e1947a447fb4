"""What the service logs, in which form, and how it is written without waiting for a disk."""
