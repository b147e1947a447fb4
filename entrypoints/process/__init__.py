"""One process of the service: assembling, starting, greeting and stopping it."""
