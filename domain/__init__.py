"""What the service is about: faces, emotions and who may see them. Standard library only."""
