"""The parts a realtime session is made of."""
