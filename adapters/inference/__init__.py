"""What every detector and classifier shares: the bounded executor, crops, and batching."""
